-- Links are mailed by a worker, so that an answer takes as long for a known address as for another;
-- and a session ends when its person signs out.
ALTER TABLE sign_ins ADD COLUMN handled_at timestamptz;
ALTER TABLE sign_ins ADD COLUMN ended_at timestamptz;
UPDATE sign_ins SET handled_at = requested_at;
CREATE INDEX sign_ins_waiting ON sign_ins (requested_at) WHERE handled_at IS NULL;
