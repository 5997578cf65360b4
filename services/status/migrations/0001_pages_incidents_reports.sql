-- A desk's page. Its row is the lock under which everything of the desk changes; `version` counts
-- the changes, so that a replica that missed an announcement sees that it has to read again.
CREATE TABLE pages (
    desk       text        PRIMARY KEY,
    version    bigint      NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE components (
    desk                  text        NOT NULL REFERENCES pages,
    id                    text        NOT NULL CHECK (id ~ '^[a-z0-9]{12}$'),
    key                   text        NOT NULL,
    name                  text        NOT NULL,
    status                text        NOT NULL,
    position              int         NOT NULL,
    description           text,
    showcase              bool        NOT NULL,
    start_date            date,
    group_id              text,
    is_group              bool        NOT NULL,
    only_show_if_degraded bool        NOT NULL,
    revision              bigint      NOT NULL DEFAULT 0,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    -- No longer in the desk's file. Kept: incidents of the past name it, and it may come back.
    retired_at            timestamptz,
    PRIMARY KEY (desk, id)
);

-- Incidents and, with a window, maintenances.
CREATE TABLE incidents (
    uid              uuid        PRIMARY KEY,
    id               text        NOT NULL UNIQUE,
    desk             text        NOT NULL REFERENCES pages,
    name             text        NOT NULL,
    status           text        NOT NULL,
    impact           text        NOT NULL,
    started_at       timestamptz NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    monitoring_at    timestamptz,
    resolved_at      timestamptz,
    -- Component id to the status that the incident gives it.
    claims           jsonb       NOT NULL,
    window_starts_at timestamptz,
    window_ends_at   timestamptz,
    origin           text,
    revision         bigint      NOT NULL,
    CHECK ((window_starts_at IS NULL) = (window_ends_at IS NULL))
);
CREATE INDEX incidents_newest ON incidents (desk, created_at DESC, uid DESC);
CREATE INDEX incidents_open ON incidents (desk) WHERE resolved_at IS NULL;
-- A rule has one open incident at a time, whatever the program believes.
CREATE UNIQUE INDEX incidents_one_per_origin ON incidents (desk, origin)
    WHERE resolved_at IS NULL AND origin IS NOT NULL;

CREATE TABLE updates (
    uid                   uuid        PRIMARY KEY,
    incident              uuid        NOT NULL REFERENCES incidents,
    -- From 1, oldest first.
    position              int         NOT NULL,
    status                text        NOT NULL,
    body                  text        NOT NULL,
    created_at            timestamptz NOT NULL,
    affected              jsonb       NOT NULL,
    by                    text        NOT NULL,
    deliver_notifications bool        NOT NULL,
    UNIQUE (incident, position)
);

-- What is known of a ticket, never shown to the public.
CREATE TABLE reports (
    ticket_id      uuid   PRIMARY KEY,
    desk           text   NOT NULL,
    number         text   NOT NULL,
    severity       text,
    product        text,
    is_confirmed   bool   NOT NULL,
    known_incident uuid,
    broken         text[] NOT NULL,
    incident       uuid,
    -- Topic to the last sequence taken from it.
    heard          jsonb  NOT NULL
);
CREATE INDEX reports_of_incident ON reports (incident) WHERE incident IS NOT NULL;

-- Answers to requests that carried an idempotency key, for a day.
CREATE TABLE answers (
    subject     text        NOT NULL,
    key         text        NOT NULL,
    fingerprint bytea       NOT NULL,
    status      int         NOT NULL,
    body        jsonb       NOT NULL,
    given_at    timestamptz NOT NULL,
    PRIMARY KEY (subject, key)
);
CREATE INDEX answers_by_age ON answers (given_at);
