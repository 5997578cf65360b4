-- What wakes next is read desk by desk: one with very much to do holds up no other.
CREATE INDEX tickets_by_desk_and_wake ON tickets (topic, partition, desk, wake_at)
    WHERE wake_at IS NOT NULL;
DROP INDEX tickets_by_wake;
