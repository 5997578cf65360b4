-- Maintenance windows that customers set (INF-09). `announce_at` is when the unfinished tickets of the
-- customer are told of it; null: they have been.
CREATE TABLE maintenance_windows (
    id           uuid        PRIMARY KEY,
    desk         text        NOT NULL,
    customer     text        NOT NULL CHECK (length(customer) <= 1000),
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL CHECK (ends_at > starts_at),
    note         text        NOT NULL CHECK (length(note) <= 1000),
    set_by       text        NOT NULL CHECK (length(set_by) <= 320),
    set_at       timestamptz NOT NULL,
    withdrawn_at timestamptz,
    announce_at  timestamptz
);
CREATE INDEX maintenance_windows_customer ON maintenance_windows (desk, customer, ends_at);
CREATE INDEX maintenance_windows_to_announce ON maintenance_windows (announce_at)
    WHERE announce_at IS NOT NULL;
