-- A hash of what a client sent under an idempotency key: another request under the same key is
-- refused. Deliveries of gateways have none.
ALTER TABLE deliveries ADD COLUMN request bytea;
