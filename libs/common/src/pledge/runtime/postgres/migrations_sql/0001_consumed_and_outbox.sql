-- How far this service has read each partition. The offset moves in the transaction that changes
-- the service's state; whoever takes a partition over raises the epoch, so that a former owner's
-- late write finds no row to update.
CREATE TABLE consumed (
    topic       text   NOT NULL,
    partition   int    NOT NULL,
    next_offset bigint NOT NULL,
    epoch       bigint NOT NULL,
    -- Records in a row that could not be handled; past a limit the consumer stops.
    poison_run  int    NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- What has happened but has not been published yet. Written in the transaction of the change,
-- deleted after the broker's acknowledgement.
CREATE TABLE outbox (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shard        smallint    NOT NULL,
    topic        text        NOT NULL,
    key          bytea       NOT NULL,
    value        bytea,
    header_names text[]      NOT NULL,
    header_values bytea[]    NOT NULL,
    written_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- The table is empty most of the time and churns all of it: vacuum it by count, not by share.
ALTER TABLE outbox SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_insert_threshold = -1
);
