-- Pages may be calls.
ALTER TABLE deliveries DROP CONSTRAINT deliveries_channel_check;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_channel_check
    CHECK (channel IN ('webhook', 'email', 'voice'));

-- What became of each call: the provider's first word on it. A delivery has two when its first
-- attempt seemed to fail and the phone rang all the same.
CREATE TABLE calls (
    delivery_id uuid        NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    call_id     text        NOT NULL CHECK (length(call_id) <= 64),
    outcome     text        NOT NULL CHECK (outcome IN ('answered', 'busy', 'not_answered', 'refused')),
    told_at     timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, call_id)
);
