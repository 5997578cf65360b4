-- Numbers are counted per desk. One short update a batch; the row is locked until the commit.
CREATE TABLE ticket_numbers (
    desk        text   PRIMARY KEY,
    next_number bigint NOT NULL
) WITH (fillfactor = 20);

-- What a requester asked, as it stands after `sequence` facts. What is searched, sorted or counted
-- is a column; the rest of the ticket's state is in `details`.
CREATE TABLE tickets (
    id             uuid        PRIMARY KEY,
    desk           text        NOT NULL,
    number         text        NOT NULL,
    state          text        NOT NULL,
    severity       text,
    priority       text,
    channel        text        NOT NULL,
    subject_line   text        NOT NULL CHECK (length(subject_line) <= 1000),
    requester      text        CHECK (length(requester) <= 320),
    opened_at      timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL,
    sequence       int         NOT NULL CHECK (sequence > 0),
    details        jsonb       NOT NULL
) WITH (fillfactor = 85);

-- By number, as people name tickets; two desks may share a prefix.
CREATE UNIQUE INDEX tickets_number ON tickets (number, desk);
-- The list of a desk, newest first: ids are UUIDv7 and sort by time.
CREATE INDEX tickets_desk ON tickets (desk, id);
-- The open ones are few beside all that ever were.
CREATE INDEX tickets_unfinished ON tickets (desk, severity, id)
    WHERE state NOT IN ('resolved', 'closed');
-- The history of a requester.
CREATE INDEX tickets_requester ON tickets (requester text_pattern_ops, id)
    WHERE requester IS NOT NULL;

-- The facts of a ticket in order: the data of each event as it was published.
CREATE TABLE facts (
    ticket_id   uuid        NOT NULL,
    sequence    int         NOT NULL,
    event_id    text        NOT NULL,
    type        text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    data        json        NOT NULL,
    PRIMARY KEY (ticket_id, sequence)
);

-- The whole of a text that its event repeats only in part.
CREATE TABLE texts (
    ticket_id uuid NOT NULL,
    sequence  int  NOT NULL,
    text      text NOT NULL CHECK (length(text) <= 200000),
    PRIMARY KEY (ticket_id, sequence)
);

-- Deliveries that were taken, by a hash of desk, channel and delivery key: what comes twice is one.
CREATE TABLE deliveries (
    key      bytea PRIMARY KEY CHECK (length(key) = 16),
    -- For the removal of old rows; a gateway repeats a delivery within days.
    taken_at timestamptz NOT NULL
);

-- Which ticket a message id or conversation belongs to, by a hash of desk, kind and value.
CREATE TABLE threads (
    key       bytea PRIMARY KEY CHECK (length(key) = 16),
    ticket_id uuid  NOT NULL
);

-- Attachments by content: the same file sent twice is kept once.
CREATE TABLE attachments (
    desk         text        NOT NULL,
    sha256       text        NOT NULL CHECK (length(sha256) = 64),
    content_type text        NOT NULL CHECK (length(content_type) <= 200),
    size         int         NOT NULL,
    content      bytea       NOT NULL,
    stored_at    timestamptz NOT NULL,
    PRIMARY KEY (desk, sha256)
);
ALTER TABLE attachments ALTER COLUMN content SET STORAGE EXTERNAL;
