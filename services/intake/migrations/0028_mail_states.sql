-- What became of each mail about a ticket, as notify or a bounce says: the newest word counts.
-- A mail without a row waits to be sent.
CREATE TABLE mail_states (
    desk      text        NOT NULL,
    ticket_id uuid        NOT NULL,
    email_id  uuid        NOT NULL,
    recipient text        NOT NULL,
    -- sent, failed or returned.
    state     text        NOT NULL,
    reason    text        NOT NULL,
    detail    text        NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (ticket_id, email_id, recipient)
);
SELECT keep_to_desks('mail_states');
