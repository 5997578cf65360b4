-- Which erasures of a person's data were done: by whom, when, and how much. Not of whom: a hash of
-- desk and address tells the one who asks again.
CREATE TABLE erasures (
    id       uuid        PRIMARY KEY,
    desk     text        NOT NULL,
    person   bytea       NOT NULL,
    by       text        NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    tickets  int         NOT NULL,
    files    int         NOT NULL
);
CREATE INDEX erasures_desk ON erasures (desk, began_at);

-- Contents that an erasure leaves without a fact. They are deleted once no delivery that is under way
-- can name them any more.
CREATE TABLE erased_contents (
    desk         text        NOT NULL,
    key          text        NOT NULL,
    delete_after timestamptz NOT NULL,
    PRIMARY KEY (desk, key)
);
CREATE INDEX erased_contents_due ON erased_contents (delete_after);
SELECT keep_to_desks(kept::regclass) FROM unnest(ARRAY['erasures', 'erased_contents']) AS kept;
