-- Zone and holiday data decide when a promise is due, as its text does. A version keeps the data
-- that it was made with; the same text with other data is another version, a revision.
ALTER TABLE policy_versions
    -- The hash of the text alone. NULL: a release before this one wrote it, and `version` is that.
    ADD COLUMN text_version  text,
    -- NULL: not recorded.
    ADD COLUMN calendar_data json,
    -- Among the revisions of a text, the newest one is in force. The default: not known when.
    ADD COLUMN recorded_at   timestamptz NOT NULL DEFAULT '1990-01-01T00:00:00Z';

-- `policy_changed`: by order of a person. `calendar_data_changed`: each ticket goes on under the
-- newest revision of its own version.
ALTER TABLE reassessments ADD COLUMN reason text NOT NULL DEFAULT 'policy_changed';
DROP INDEX reassessments_under_way;
-- One at a time for each desk and reason.
CREATE UNIQUE INDEX reassessments_under_way ON reassessments (desk, reason)
    WHERE finished_at IS NULL;

-- `policy`: what its version promises can't be told at present; its facts are kept.
ALTER TABLE quarantine
    DROP CONSTRAINT quarantine_what_check,
    ADD CONSTRAINT quarantine_what_check CHECK (what IN ('wake', 'takeover', 'policy'));
