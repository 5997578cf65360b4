-- What agents and readers ask for is read under the role intake_requests, which sees the rows of the
-- desks in the setting pledge.desks and no others, whatever a statement forgets to ask. The service's
-- own work (deliveries, events, requesters) goes on under its own role, which policies do not bind:
-- PostgreSQL copies rows in for no other.
DO $$
DECLARE
    bound text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'intake_requests') THEN
        RAISE EXCEPTION 'the role intake_requests is missing'
            USING HINT = 'As an administrator: CREATE ROLE intake_requests NOLOGIN; ALTER ROLE intake '
                'BYPASSRLS; GRANT intake_requests TO intake WITH INHERIT FALSE, SET TRUE; where intake '
                'is the role of the service. See PostgreSQL in docs/operations.md.';
    END IF;
    SELECT string_agg(rolname, ', ') INTO bound
        FROM pg_auth_members JOIN pg_roles ON pg_roles.oid = member
        WHERE roleid = 'intake_requests'::regrole AND set_option AND NOT rolbypassrls AND NOT rolsuper;
    IF bound IS NOT NULL THEN
        RAISE EXCEPTION 'the service could not write: policies would bind its role %', bound
            USING HINT = 'As an administrator: ALTER ROLE ' || bound || ' BYPASSRLS';
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO intake_requests;

-- Keeps the rows of a table to their desks: by its column `desk`, or by the ticket of `ticket_id`.
-- To be called for every table that holds what belongs to a desk.
CREATE FUNCTION keep_to_desks(kept regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    own text := format('EXISTS (SELECT FROM tickets WHERE tickets.id = %s.ticket_id)', kept);
BEGIN
    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = kept AND attname = 'desk') THEN
        -- Each setting is read once for a statement, not once for a row.
        own := '(SELECT current_setting(''pledge.desks'', true)) = ''*'' OR desk = ANY '
            '((SELECT string_to_array(current_setting(''pledge.desks'', true), '',''))::text[])';
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', kept);
    EXECUTE format('CREATE POLICY own_desks ON %s FOR SELECT TO intake_requests USING (%s)', kept, own);
    EXECUTE format('GRANT SELECT ON %s TO intake_requests', kept);
END $$;

SELECT keep_to_desks('tickets');

-- The search goes by an index that the policies would hide from those whom they bind. It asks for the
-- desks itself.
ALTER FUNCTION find_tickets(text, text[], text[], uuid, int) SECURITY DEFINER SET search_path = public, pg_temp;
