-- What notify knows of a ticket: enough to page and to mail about it without asking anybody.
CREATE TABLE tickets (
    ticket_id  uuid        PRIMARY KEY,
    desk       text        NOT NULL,
    number     text        NOT NULL,
    -- Subject, requester, severity, channel, reply address, … as the last events said.
    facts      jsonb       NOT NULL,
    is_over    boolean     NOT NULL
) WITH (fillfactor = 80);

-- The last sequence handled of each (topic, subject): what comes again is dropped.
CREATE TABLE seen (
    topic    text   NOT NULL,
    subject  text   NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (topic, subject)
) WITH (fillfactor = 80);

-- The last sequence published on notify.events for a ticket, an incident or a message.
CREATE TABLE published (
    subject  text   PRIMARY KEY,
    sequence bigint NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE pages (
    id            uuid        PRIMARY KEY,
    desk          text        NOT NULL,
    subject       text        NOT NULL,  -- ticket or incident id: the key of the page's events
    about         jsonb       NOT NULL,
    breach_id     uuid,
    route         text        NOT NULL,
    summary       text        NOT NULL,
    severity      text,
    metric        text,
    due_at        timestamptz,
    occurred_at   timestamptz NOT NULL,
    detected_at   timestamptz NOT NULL,
    is_late       boolean     NOT NULL,
    -- Stamped when the page is raised: an edit of the desk's file changes new pages only.
    policy        jsonb       NOT NULL,
    state         text        NOT NULL
                  CHECK (state IN ('triggered', 'acknowledged', 'exhausted', 'resolved')),
    step          int         NOT NULL,
    round         int         NOT NULL,
    next_step_at  timestamptz,
    raised_at     timestamptz NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at   timestamptz,
    resolution    text,
    cause         jsonb       NOT NULL,  -- envelope of the event that raised it
    CHECK ((state = 'triggered') = (next_step_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX pages_due ON pages (next_step_at) WHERE next_step_at IS NOT NULL;
CREATE INDEX pages_open ON pages (subject) WHERE state <> 'resolved';
CREATE INDEX pages_listed ON pages (desk, raised_at DESC, id DESC);

CREATE TABLE deliveries (
    id           uuid        PRIMARY KEY,  -- also the webhook-id, and part of the Message-ID
    desk         text        NOT NULL,
    lane         text        NOT NULL,     -- what shares one bound on concurrency
    channel      text        NOT NULL CHECK (channel IN ('webhook', 'email')),
    kind         text        NOT NULL CHECK (kind IN ('page', 'email', 'chat', 'webhook')),
    target       text        NOT NULL,     -- a receiver's name, a mail address or a URL
    about        jsonb       NOT NULL,
    page_id      uuid        REFERENCES pages ON DELETE CASCADE,
    content      jsonb       NOT NULL,     -- rendered once: every attempt sends the same
    context      jsonb       NOT NULL,     -- what the delivery's events say
    cause        jsonb       NOT NULL,
    is_automatic boolean     NOT NULL,     -- counts for the brake on mails to one address
    state        text        NOT NULL
                 CHECK (state IN ('pending', 'delivered', 'failed', 'cancelled')),
    -- While pending: when it may be claimed. A claim moves it ahead by a lease, so that what a
    -- killed worker had in its hands comes up again by itself.
    next_attempt_at timestamptz,
    attempts     int         NOT NULL,
    claimed_by   int,                      -- the worker's advisory lock, lost with its process
    reason       text,
    detail       text,
    created_at   timestamptz NOT NULL,
    finished_at  timestamptz,
    CHECK ((state = 'pending') = (next_attempt_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX deliveries_due ON deliveries (lane, next_attempt_at) WHERE state = 'pending';
CREATE INDEX deliveries_claimed ON deliveries (claimed_by)
    WHERE state = 'pending' AND claimed_by IS NOT NULL;
CREATE INDEX deliveries_of_page ON deliveries (page_id) WHERE page_id IS NOT NULL;
CREATE INDEX deliveries_lately ON deliveries (target, created_at) WHERE is_automatic;
CREATE INDEX deliveries_listed ON deliveries (desk, created_at DESC, id DESC);
