-- The removal of chats that nobody has written in for long: a gateway need not say that one is over.
CREATE INDEX chats_heard ON chats (heard_at);
