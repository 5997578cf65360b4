-- Deliveries that asked for a page, counted for each sender and each desk (a hash) in the window that
-- ends at `until`. What is over is removed.
CREATE TABLE page_counts (
    key   bytea       PRIMARY KEY,
    until timestamptz NOT NULL,
    pages bigint      NOT NULL
);
CREATE INDEX page_counts_until ON page_counts (until);
