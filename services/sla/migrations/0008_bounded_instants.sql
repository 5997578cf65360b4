-- Before instants had bounds, a time that nobody set was taken: the year 1 is stored as -infinity,
-- which the client gives back without an offset. Such facts count at the first or last instant that
-- calendars cover; now that stands in their rows, too.
UPDATE facts
SET occurred_at = least(greatest(occurred_at, '1990-01-01 00:00+00'), '2200-01-01 00:00+00'),
    recorded_at = least(greatest(recorded_at, '1990-01-01 00:00+00'), '2200-01-01 00:00+00')
WHERE occurred_at < '1990-01-01 00:00+00' OR occurred_at > '2200-01-01 00:00+00'
   OR recorded_at < '1990-01-01 00:00+00' OR recorded_at > '2200-01-01 00:00+00';
