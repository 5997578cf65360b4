-- Reports divide by customer, and look at pauses by the time they began.
ALTER TABLE tickets ADD COLUMN customer text;
CREATE INDEX facts_of_waiting ON facts (occurred_at) WHERE type = 'waiting_on_customer';
