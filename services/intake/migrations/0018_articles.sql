-- Documentation that is offered before a request is sent (SIG-02), written by
-- `pledge intake articles load`. `words` is by the language of the desk.
CREATE TABLE articles (
    desk      text        NOT NULL,
    address   text        NOT NULL CHECK (length(address) <= 2000),
    title     text        NOT NULL CHECK (length(title) <= 300),
    words     tsvector    NOT NULL,
    loaded_at timestamptz NOT NULL,
    PRIMARY KEY (desk, address)
);
CREATE INDEX articles_words ON articles USING gin (words);
