-- Before instants had bounds, a time that nobody set was taken: the year 1 is stored as -infinity,
-- which the client gives back without an offset. It counts as the first instant of the bounds.
UPDATE tickets SET opened_at = '1990-01-01 00:00+00' WHERE opened_at < '1990-01-01 00:00+00';
UPDATE facts SET occurred_at = '1990-01-01 00:00+00' WHERE occurred_at < '1990-01-01 00:00+00';
UPDATE chats SET began_at = '1990-01-01 00:00+00' WHERE began_at < '1990-01-01 00:00+00';
UPDATE chats SET heard_at = '1990-01-01 00:00+00' WHERE heard_at < '1990-01-01 00:00+00';
UPDATE customer_plans SET since = '1990-01-01 00:00+00' WHERE since < '1990-01-01 00:00+00';
