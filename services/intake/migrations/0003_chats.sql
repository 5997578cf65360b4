-- Chats under way, by a hash of desk and conversation: who waits for an agent, and since when.
CREATE TABLE chats (
    key         bytea       PRIMARY KEY CHECK (length(key) = 16),
    desk        text        NOT NULL,
    began_at    timestamptz NOT NULL,
    heard_at    timestamptz NOT NULL,
    answered_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX chats_waiting ON chats (desk, began_at) WHERE answered_at IS NULL;
