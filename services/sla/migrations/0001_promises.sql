-- Every policy a desk has had, with the instant from which it holds for tickets opened since.
CREATE TABLE policy_versions (
    desk           text        NOT NULL,
    effective_from timestamptz NOT NULL,
    version        text        NOT NULL,
    content        text        NOT NULL,
    PRIMARY KEY (desk, effective_from)
);
CREATE INDEX policy_versions_by_version ON policy_versions (desk, version);

-- One row per ticket (or incident): what the owner of its partition must know to go on.
CREATE TABLE tickets (
    ticket_id       uuid        PRIMARY KEY,
    -- The partition whose owner writes this row.
    topic           text        NOT NULL,
    partition       int         NOT NULL,
    desk            text        NOT NULL,
    number          text        NOT NULL,
    -- The version of its opening; NULL when its desk had no policy then.
    policy_version  text,
    severity        text,
    priority        text,
    is_closed       bool        NOT NULL,
    -- Last sequence seen on ticket.events, last given out on sla.events and sla.breaches.
    sequence        bigint      NOT NULL,
    timer_sequence  bigint      NOT NULL,
    breach_sequence bigint      NOT NULL,
    -- When to look at it again without being asked; NULL: only when a fact comes.
    wake_at         timestamptz,
    -- The newest event that changed it: what is published next names it as its cause.
    cause_id        text        NOT NULL,
    correlation_id  text        NOT NULL,
    traceparent     text,
    -- What was published of its silences; NULL when nothing was.
    silences        json
) WITH (fillfactor = 80);
CREATE INDEX tickets_by_number ON tickets (number);
CREATE INDEX tickets_by_wake ON tickets (topic, partition, wake_at) WHERE wake_at IS NOT NULL;

-- Ticket events in the order of their sequence; never changed once written.
CREATE TABLE facts (
    ticket_id   uuid        NOT NULL,
    sequence    bigint      NOT NULL,
    type        text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    -- The event without its texts. `json`, not `jsonb`: written once, read whole.
    data        json        NOT NULL,
    PRIMARY KEY (ticket_id, sequence)
);

-- What was published of each cycle of each metric, and what a list of timers shows.
CREATE TABLE timers (
    ticket_id     uuid        NOT NULL,
    metric        text        NOT NULL,
    cycle         int         NOT NULL,
    desk          text        NOT NULL,
    state         text        NOT NULL
        CHECK (state IN ('running', 'paused', 'met', 'breached', 'cancelled')),
    started_at    timestamptz NOT NULL,
    due_at        timestamptz,
    expect_at     timestamptz,
    met_at        timestamptz,
    at_risk_sent  int         NOT NULL,
    target        text        NOT NULL,
    reason        text        NOT NULL,
    -- Of the promise's time, on its calendars, while it is paused.
    left_for      interval,
    PRIMARY KEY (ticket_id, metric, cycle)
) WITH (fillfactor = 80);
-- Serves lists by desk and state, earliest due first; a paused timer is due at no known instant.
CREATE INDEX timers_by_due
    ON timers (desk, state, coalesce(due_at, 'infinity'), ticket_id, metric, cycle);

-- Every breach that was published, also those taken back.
CREATE TABLE breaches (
    breach_id      uuid        PRIMARY KEY,
    ticket_id      uuid        NOT NULL,
    desk           text        NOT NULL,
    metric         text        NOT NULL,
    cycle          int         NOT NULL,
    severity       text,
    priority       text,
    target         text        NOT NULL,
    policy_version text        NOT NULL,
    due_at         timestamptz NOT NULL,
    detected_at    timestamptz NOT NULL,
    is_late        bool        NOT NULL,
    is_provisional bool        NOT NULL,
    retracted_at   timestamptz,
    reason         text,
    met_at         timestamptz
);
CREATE INDEX breaches_by_due ON breaches (desk, due_at, breach_id);
CREATE INDEX breaches_by_ticket ON breaches (ticket_id, metric, cycle);
