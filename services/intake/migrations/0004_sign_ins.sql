-- Links to the portal that were mailed and not used yet. A link is good for one sign-in.
CREATE TABLE sign_ins (
    id           uuid        PRIMARY KEY,
    desk         text        NOT NULL,
    address      text        NOT NULL CHECK (length(address) <= 254),
    requested_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);
-- How many an address asked for lately.
CREATE INDEX sign_ins_address ON sign_ins (desk, address, requested_at);
-- The removal of old ones.
CREATE INDEX sign_ins_requested ON sign_ins (requested_at);
