-- What the SLA engine last said of each promise on a ticket. `timer_state` and what goes with it
-- comes from sla.events, the breach from sla.breaches; each topic counts its own sequence, and what
-- is older than what is kept changes nothing. Whoever writes a ticket's rows holds its row's lock.
CREATE TABLE ticket_promises (
    ticket_id       uuid        NOT NULL,
    metric          text        NOT NULL CHECK (length(metric) <= 200),
    cycle           int         NOT NULL CHECK (cycle > 0),
    desk            text        NOT NULL,
    timer_state     text        CHECK (timer_state IN ('running', 'paused', 'waiting', 'met', 'cancelled')),
    -- A breach holds until it is taken back, whatever the timer says. Without either the promise's
    -- breach was taken back, and the timer's word is on its way.
    state           text        NOT NULL GENERATED ALWAYS AS (
        CASE WHEN breached_at IS NOT NULL THEN 'breached' ELSE coalesce(timer_state, 'cancelled') END
    ) STORED,
    target          text        NOT NULL,
    team            text,
    due_at          timestamptz,
    expect_at       timestamptz,
    -- So many percent of the time are used, as far as it was warned of.
    at_risk_percent int,
    met_at          timestamptz,
    -- Why the timer stands still, by the engine's name.
    waits_for       text,
    breached_at     timestamptz,
    breach_id       uuid,
    policy_version  text        NOT NULL,
    -- When the engine recorded the newest of what is kept.
    as_of           timestamptz NOT NULL,
    timer_sequence  int         NOT NULL DEFAULT 0,
    breach_sequence int         NOT NULL DEFAULT 0,
    PRIMARY KEY (ticket_id, metric, cycle)
) WITH (fillfactor = 85);
