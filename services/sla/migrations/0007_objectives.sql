-- Objectives over many tickets: which count a ticket's promises (NULL: none), and each period's count.
ALTER TABLE tickets ADD COLUMN objectives text[];

CREATE TABLE objective_periods (
    desk           text        NOT NULL,
    objective      text        NOT NULL,
    period         text        NOT NULL,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    title          text        NOT NULL,
    metric         text        NOT NULL,
    -- Shares are in millionths.
    share          int         NOT NULL,
    kept           int         NOT NULL,
    missed         int         NOT NULL,
    running        int         NOT NULL,
    state          text        NOT NULL CHECK (state IN ('on_track', 'at_risk', 'kept', 'lost')),
    was_at_risk    bool        NOT NULL,
    policy_version text        NOT NULL,
    counted_at     timestamptz NOT NULL,
    owes           int         NOT NULL,
    -- Last sequence given out for its events on sla.events.
    sequence       bigint      NOT NULL,
    -- What a person decided about what it owes.
    decision       text        CHECK (decision IN ('confirmed', 'waived')),
    decided_owes   int,
    decided_by     text,
    decided_at     timestamptz,
    decided_why    text,
    PRIMARY KEY (desk, objective, period)
);
CREATE INDEX objective_periods_by_end ON objective_periods (desk, ends_at);

-- Serves objectives that count by the softer time; most desks have none.
CREATE INDEX timers_by_expect ON timers (desk, metric, expect_at) WHERE expect_at IS NOT NULL;
