-- A version that was planned for later and replaced before it held is kept: a ticket may have been
-- opened under it by a process that had not heard of the replacement yet.
ALTER TABLE policy_versions
    ADD COLUMN is_superseded bool NOT NULL DEFAULT false,
    DROP CONSTRAINT policy_versions_pkey,
    ADD PRIMARY KEY (desk, effective_from, version);
