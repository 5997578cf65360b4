-- The webhooks that events of tickets are sent to, as the desks' files name them. Events from before
-- `since` are not sent; nor is anything while the webhook is disabled.
CREATE TABLE webhooks (
    desk             text        NOT NULL,
    name             text        NOT NULL,
    url              text        NOT NULL,
    since            timestamptz NOT NULL,
    disabled_at      timestamptz,
    disabled_because text,
    PRIMARY KEY (desk, name)
);

-- Which event is sent to which webhook, and what became of it. The event itself is the ticket's fact.
CREATE TABLE webhook_deliveries (
    desk            text        NOT NULL,
    webhook         text        NOT NULL,
    ticket_id       uuid        NOT NULL,
    sequence        int         NOT NULL,
    id              bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    event_id        text        NOT NULL,
    type            text        NOT NULL,
    created_at      timestamptz NOT NULL,
    -- pending, delivered or given_up.
    state           text        NOT NULL DEFAULT 'pending',
    attempts        int         NOT NULL DEFAULT 0,
    -- When its attempts began: as it was created, or sent again by hand.
    tried_from      timestamptz NOT NULL,
    -- NULL while an earlier event of the same ticket is pending.
    next_attempt_at timestamptz,
    ended_at        timestamptz,
    reason          text,
    detail          text,
    PRIMARY KEY (desk, webhook, ticket_id, sequence)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (desk, webhook, next_attempt_at)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_given_up ON webhook_deliveries (desk, webhook, id)
    WHERE state = 'given_up';
SELECT keep_to_desks(kept::regclass) FROM unnest(ARRAY['webhooks', 'webhook_deliveries']) AS kept;
