-- Before instants had bounds, a time that nobody set was taken: the year 1 is stored as -infinity,
-- which the client gives back without an offset.
UPDATE pages SET occurred_at = '1990-01-01 00:00+00' WHERE occurred_at < '1990-01-01 00:00+00';
