-- What an agent has written on a ticket and not sent: theirs alone, one for each kind.
CREATE TABLE drafts (
    desk      text        NOT NULL,
    ticket_id uuid        NOT NULL,
    agent     text        NOT NULL,
    -- reply or note.
    kind      text        NOT NULL,
    text      text        NOT NULL,
    saved_at  timestamptz NOT NULL,
    PRIMARY KEY (ticket_id, agent, kind)
);
CREATE INDEX drafts_by_age ON drafts (saved_at);
SELECT keep_to_desks('drafts');
