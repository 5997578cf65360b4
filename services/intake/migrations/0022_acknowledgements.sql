-- Confirmations of new requests that are still to be sent: when the first promise is known, `due_at`
-- at the latest.
CREATE TABLE acknowledgements (
    ticket_id uuid        PRIMARY KEY,
    due_at    timestamptz NOT NULL
);
CREATE INDEX acknowledgements_due ON acknowledgements (due_at);
SELECT keep_to_desks('acknowledgements');
