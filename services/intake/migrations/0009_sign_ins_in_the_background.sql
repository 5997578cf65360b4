-- Links are mailed by a worker, so that an answer takes as long for a known address as for another;
-- and a session ends when its person signs out. The default is for a process of the former version,
-- which mails its links itself.
ALTER TABLE sign_ins ADD COLUMN handled_at timestamptz DEFAULT now();
ALTER TABLE sign_ins ADD COLUMN ended_at timestamptz;
CREATE INDEX sign_ins_waiting ON sign_ins (requested_at) WHERE handled_at IS NULL;
