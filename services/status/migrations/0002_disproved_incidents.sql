-- The severity of the ticket that an incident was opened for, and when the breach that opened it was
-- taken back, if people had written on it by then.
ALTER TABLE incidents
    ADD COLUMN severity text,
    ADD COLUMN disproved_at timestamptz;

-- How many incidents of the ticket were withdrawn. NULL: written by an earlier version.
ALTER TABLE reports ADD COLUMN withdrawals int;
