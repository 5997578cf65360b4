-- Versions that a ticket was under before another took over, oldest first; NULL: it is under the
-- one of its opening. A list of {version, until, settled, open, gone}.
ALTER TABLE tickets ADD COLUMN earlier json;

-- Orders to put the open tickets of a desk under a version that says `applies_to: open`.
CREATE TABLE reassessments (
    reassessment_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    desk            text        NOT NULL,
    version         text        NOT NULL,
    ordered_at      timestamptz NOT NULL,
    ordered_by      text        NOT NULL,
    tickets         int         NOT NULL,
    finished_at     timestamptz,
    -- Ended by an order for a newer version, before it was through.
    is_replaced     bool        NOT NULL DEFAULT false
);
CREATE INDEX reassessments_by_desk ON reassessments (desk, reassessment_id);
-- One at a time for each desk.
CREATE UNIQUE INDEX reassessments_under_way ON reassessments (desk) WHERE finished_at IS NULL;

-- What is left to do. The owner of a ticket's partition removes its row with its work.
CREATE TABLE reassessment_tickets (
    reassessment_id bigint NOT NULL,
    topic           text   NOT NULL,
    partition       int    NOT NULL,
    ticket_id       uuid   NOT NULL,
    PRIMARY KEY (reassessment_id, topic, partition, ticket_id)
);

-- What was done, counted for each partition by itself, since owners work side by side. `what` is
-- `done`, `changed` or `set_aside` of tickets, or what became of timers.
CREATE TABLE reassessment_counts (
    reassessment_id bigint NOT NULL,
    topic           text   NOT NULL,
    partition       int    NOT NULL,
    what            text   NOT NULL,
    count           int    NOT NULL,
    PRIMARY KEY (reassessment_id, topic, partition, what)
);
