-- Tickets set aside because what was due of them could not be carried out, and why. Everything
-- else goes on; a ticket comes back when somebody asks for its release.
CREATE TABLE quarantine (
    ticket_id        uuid        PRIMARY KEY,
    topic            text        NOT NULL,
    partition        int         NOT NULL,
    desk             text        NOT NULL,
    number           text        NOT NULL,
    -- `wake`: its timers stand still. `takeover`: it keeps its policy version.
    what             text        NOT NULL CHECK (what IN ('wake', 'takeover')),
    reason           text        NOT NULL,
    since            timestamptz NOT NULL,
    release_asked_at timestamptz
);
CREATE INDEX quarantine_to_release ON quarantine (topic, partition)
    WHERE release_asked_at IS NOT NULL;
