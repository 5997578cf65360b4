-- The files that came with the words of a fact, and the message as it came. The bytes are in the
-- store of files, under `key`; a fact's message has the position -1.
CREATE TABLE ticket_files (
    ticket_id    uuid        NOT NULL,
    sequence     int         NOT NULL,
    position     int         NOT NULL,
    desk         text        NOT NULL,
    kind         text        NOT NULL,
    name         text        NOT NULL,
    content_type text        NOT NULL,
    size         bigint      NOT NULL,
    sha256       text        NOT NULL,
    key          text        NOT NULL,
    is_inline    bool        NOT NULL,
    content_id   text,
    kept_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (ticket_id, sequence, position)
);
-- Which tickets have a content: before it is deleted, and for its address by hash.
CREATE INDEX ticket_files_key ON ticket_files (key);
CREATE INDEX ticket_files_hash ON ticket_files (desk, sha256);
-- What the virus scanner has not seen yet is among the newest.
CREATE INDEX ticket_files_kept ON ticket_files (kept_at);

-- What the virus scanner said of a content.
CREATE TABLE file_scans (
    desk        text        NOT NULL,
    key         text        NOT NULL,
    is_infected bool        NOT NULL,
    finding     text        NOT NULL,
    scanned_at  timestamptz NOT NULL,
    PRIMARY KEY (desk, key)
);

-- Files that were uploaded for words that are still to be sent, and by whom. They are forgotten some
-- days later.
CREATE TABLE uploads (
    id           uuid        PRIMARY KEY,
    desk         text        NOT NULL,
    ticket_id    uuid,
    uploader     text        NOT NULL,
    name         text        NOT NULL,
    content_type text        NOT NULL,
    size         bigint      NOT NULL,
    sha256       text        NOT NULL,
    key          text        NOT NULL,
    uploaded_at  timestamptz NOT NULL
);
CREATE INDEX uploads_uploaded ON uploads (uploaded_at);

-- The day up to which contents that no fact and no upload names were looked for and deleted.
CREATE TABLE file_sweeps (
    desk     text PRIMARY KEY,
    swept_to date NOT NULL
);
SELECT keep_to_desks(kept::regclass)
FROM unnest(ARRAY['ticket_files', 'file_scans', 'uploads', 'file_sweeps']) AS kept;

-- Tickets are found by the names of their files, which facts call `name`.
CREATE OR REPLACE FUNCTION text_of_fact(type text, data jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT left(CASE WHEN type = 'pledge.ticket.email_requested.v1' THEN '' ELSE concat_ws(' ',
        data ->> 'ticket_number', data ->> 'subject_line',
        data -> 'requester' ->> 'name', data -> 'requester' ->> 'email',
        data -> 'requester' ->> 'phone', data -> 'requester' ->> 'chat',
        data -> 'by' ->> 'name', data -> 'by' ->> 'email', data -> 'agent' ->> 'name',
        data ->> 'customer', data ->> 'product',
        (SELECT string_agg(concat_ws(' ', each ->> 'name', each ->> 'email'), ' ')
         FROM jsonb_array_elements(CASE jsonb_typeof(data -> 'participants')
            WHEN 'array' THEN data -> 'participants' ELSE '[]' END) AS each),
        (SELECT string_agg(each ->> 'name', ' ')
         FROM jsonb_array_elements(CASE jsonb_typeof(data -> 'attachments')
            WHEN 'array' THEN data -> 'attachments' ELSE '[]' END) AS each),
        data ->> 'text', data ->> 'resolution', data ->> 'outcome', data ->> 'note') END, 50000)
$$;
