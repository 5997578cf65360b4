-- What became of each delivery, one row each: as many rows as records were read, after any crash,
-- for they are written in the transaction that moves the offset. Old rows are removed.
CREATE TABLE delivery_ledger (
    id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- '' where it could not be read.
    desk      text        NOT NULL,
    channel   text        NOT NULL,
    ending    text        NOT NULL,
    reason    text        NOT NULL,
    taken_at  timestamptz NOT NULL,
    sender    text,
    subject   text        NOT NULL,
    ticket_id uuid,
    event_id  text        NOT NULL,
    -- topic/partition/offset of its record.
    place     text        NOT NULL
);
-- The page of a desk, newest first.
CREATE INDEX delivery_ledger_desk ON delivery_ledger (desk, id);
-- What opened nothing and joined nothing is looked for most.
CREATE INDEX delivery_ledger_ending ON delivery_ledger (desk, ending, id)
    WHERE ending NOT IN ('opened', 'appended');
SELECT keep_to_desks('delivery_ledger');
