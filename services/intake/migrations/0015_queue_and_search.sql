-- What the agents' queue sorts, filters and counts by: a narrow row for each ticket. Triggers keep it
-- in the transaction that writes the ticket or its promises, whoever does: a process of the former
-- version, too, while an upgrade is under way.
CREATE TABLE ticket_queue (
    ticket_id   uuid        PRIMARY KEY,
    desk        text        NOT NULL,
    state       text        NOT NULL,
    severity    text        NOT NULL,
    channel     text        NOT NULL,
    -- Without one: the empty text, so that one index serves those with and without.
    customer    text        NOT NULL,
    assignee    text        NOT NULL,
    team        text        NOT NULL,
    -- The next due time of the promises that run; of a ticket without one that runs, when the last
    -- was missed; without that, the end of time.
    due_at      timestamptz NOT NULL,
    metric      text        NOT NULL,
    is_breached boolean     NOT NULL,
    -- For pages that show the queue: what changed lately.
    touched_at  timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 85);
CREATE INDEX queue_due ON ticket_queue (desk, due_at, ticket_id)
    WHERE state NOT IN ('resolved', 'closed');
CREATE INDEX queue_assigned ON ticket_queue (desk, assignee, due_at, ticket_id)
    WHERE state NOT IN ('resolved', 'closed');
CREATE INDEX queue_severity ON ticket_queue (desk, severity, due_at, ticket_id)
    WHERE state NOT IN ('resolved', 'closed');
CREATE INDEX queue_customer ON ticket_queue (desk, customer, due_at, ticket_id)
    WHERE customer <> '' AND state NOT IN ('resolved', 'closed');
CREATE INDEX queue_breached ON ticket_queue (desk, due_at, ticket_id)
    WHERE is_breached AND state NOT IN ('resolved', 'closed');
CREATE INDEX queue_waiting ON ticket_queue (desk, due_at, ticket_id)
    WHERE state IN ('waiting_on_customer', 'customer_unavailable');
CREATE INDEX queue_newest ON ticket_queue (desk, ticket_id);
CREATE INDEX queue_touched ON ticket_queue (touched_at);

CREATE FUNCTION due_of_ticket(ticket uuid, OUT due_at timestamptz, OUT metric text, OUT is_breached boolean)
LANGUAGE sql STABLE AS $$
    SELECT coalesce(min(due_at) FILTER (WHERE state = 'running'), max(breached_at), '9999-01-01 00:00+00'),
        coalesce((array_agg(metric ORDER BY due_at) FILTER (WHERE state = 'running' AND due_at IS NOT NULL))[1],
            (array_agg(metric ORDER BY breached_at DESC) FILTER (WHERE breached_at IS NOT NULL))[1], ''),
        coalesce(bool_or(state = 'breached'), false)
    FROM ticket_promises WHERE ticket_id = ticket
$$;

CREATE FUNCTION queue_tickets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ticket_queue AS known (ticket_id, desk, state, severity, channel, customer, assignee,
        team, due_at, metric, is_breached)
    SELECT id, desk, state, coalesce(severity, ''), channel, coalesce(details ->> 'customer', ''),
        coalesce(details -> 'assignee' ->> 'id', ''), coalesce(details ->> 'team', ''),
        due.due_at, due.metric, due.is_breached
    FROM changed CROSS JOIN LATERAL due_of_ticket(id) AS due
    ORDER BY id
    ON CONFLICT (ticket_id) DO UPDATE SET
        state = excluded.state, severity = excluded.severity, customer = excluded.customer,
        assignee = excluded.assignee, team = excluded.team, touched_at = clock_timestamp()
    WHERE (known.state, known.severity, known.customer, known.assignee, known.team)
        <> (excluded.state, excluded.severity, excluded.customer, excluded.assignee, excluded.team);
    RETURN NULL;
END $$;
CREATE TRIGGER queue_opened AFTER INSERT ON tickets
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_tickets();
CREATE TRIGGER queue_changed AFTER UPDATE ON tickets
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_tickets();

CREATE FUNCTION queue_promises() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ticket_queue SET due_at = due.due_at, metric = due.metric, is_breached = due.is_breached,
        touched_at = clock_timestamp()
    FROM (SELECT DISTINCT ticket_id FROM changed) AS of_ticket
        CROSS JOIN LATERAL due_of_ticket(of_ticket.ticket_id) AS due
    WHERE ticket_queue.ticket_id = of_ticket.ticket_id
        AND (ticket_queue.due_at, ticket_queue.metric, ticket_queue.is_breached)
            <> (due.due_at, due.metric, due.is_breached);
    RETURN NULL;
END $$;
CREATE TRIGGER queue_promised AFTER INSERT ON ticket_promises
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_promises();
CREATE TRIGGER queue_promises_changed AFTER UPDATE ON ticket_promises
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION queue_promises();

-- The words of a ticket: its subject, who takes part, and what was written. `taken` counts the
-- characters of the texts they are of, which are bounded: a vector has at most a megabyte.
CREATE TABLE ticket_search (
    ticket_id uuid     PRIMARY KEY,
    desk      text     NOT NULL,
    words     tsvector NOT NULL,
    taken     int      NOT NULL
);
-- The list of entries that wait is short: a search reads all of it, and who fills it up empties it.
CREATE INDEX ticket_search_words ON ticket_search USING gin (words) WITH (gin_pending_list_limit = 512);

-- Words as they are kept and looked for. Some marks separate words: addresses and names of files are
-- found by their parts, and the parser takes a time of the text's length, which a run of them would
-- square.
CREATE FUNCTION words_of(text text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT strip(to_tsvector('simple',
        replace(replace(replace(replace(replace(text, '_', ' '), '-', ' '), '.', ' '), '/', ' '), '@', ' ')))
$$;

-- What a fact says in words. A mail that repeats a reply, and a picture's name, say nothing new.
CREATE FUNCTION text_of_fact(type text, data jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT left(CASE WHEN type = 'pledge.ticket.email_requested.v1' THEN '' ELSE concat_ws(' ',
        data ->> 'ticket_number', data ->> 'subject_line',
        data -> 'requester' ->> 'name', data -> 'requester' ->> 'email',
        data -> 'requester' ->> 'phone', data -> 'requester' ->> 'chat',
        data -> 'by' ->> 'name', data -> 'by' ->> 'email', data -> 'agent' ->> 'name',
        data ->> 'customer', data ->> 'product',
        (SELECT string_agg(concat_ws(' ', each ->> 'name', each ->> 'email'), ' ')
         FROM jsonb_array_elements(CASE jsonb_typeof(data -> 'participants')
            WHEN 'array' THEN data -> 'participants' ELSE '[]' END) AS each),
        (SELECT string_agg(each ->> 'filename', ' ')
         FROM jsonb_array_elements(CASE jsonb_typeof(data -> 'attachments')
            WHEN 'array' THEN data -> 'attachments' ELSE '[]' END) AS each),
        data ->> 'text', data ->> 'resolution', data ->> 'outcome', data ->> 'note') END, 50000)
$$;

CREATE FUNCTION keep_words(ids uuid[], said text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO ticket_search AS known (ticket_id, desk, words, taken)
    SELECT ticket_id, desk, words_of(text) || array_to_tsvector(ARRAY['desk=' || desk]), length(text)
    FROM (
        SELECT new.ticket_id, left(string_agg(new.text, ' '), 50000) AS text
        FROM unnest(ids, said) AS new(ticket_id, text) WHERE new.text <> ''
        GROUP BY new.ticket_id
    ) AS told JOIN tickets ON id = ticket_id
    ORDER BY ticket_id
    ON CONFLICT (ticket_id) DO UPDATE
        SET words = known.words || excluded.words, taken = known.taken + excluded.taken
    WHERE known.taken <= 50000 AND known.words || excluded.words <> known.words
$$;

CREATE FUNCTION search_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM keep_words(array_agg(ticket_id), array_agg(text_of_fact(type, data::jsonb))) FROM said;
    RETURN NULL;
END $$;
CREATE TRIGGER search_facts AFTER INSERT ON facts
    REFERENCING NEW TABLE AS said FOR EACH STATEMENT EXECUTE FUNCTION search_facts();

CREATE FUNCTION search_texts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The beginning stands in the fact.
    PERFORM keep_words(array_agg(ticket_id), array_agg(substr(text, 15900, 50000))) FROM said;
    RETURN NULL;
END $$;
CREATE TRIGGER search_texts AFTER INSERT ON texts
    REFERENCING NEW TABLE AS said FOR EACH STATEMENT EXECUTE FUNCTION search_texts();

-- The tickets that have all words, each at least by its beginning, newest first; at most `most`.
-- Few are sorted. Words that many have are looked for in the newest first, and in all if those are
-- not enough.
CREATE FUNCTION find_tickets(sought text, of_desks text[], in_states text[], before uuid, most int)
RETURNS SETOF uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
    many  CONSTANT int := 2000;
    asked tsquery;
    matches uuid[];
    newest  int;
    names text;
    -- Who reads under the role of requests finds tickets of the desks that they may see.
    seen  text := current_setting('pledge.desks', true);
BEGIN
    IF current_setting('role') = 'intake_requests' AND seen IS DISTINCT FROM '*' THEN
        of_desks := ARRAY(SELECT desk FROM unnest(string_to_array(coalesce(seen, ''), ',')) AS desk
            WHERE of_desks IS NULL OR desk = ANY(of_desks));
    END IF;
    SELECT string_agg('''' || replace(replace(word, '\', '\\'), '''', '''''') || ''':*', ' & ')
        INTO names FROM unnest(tsvector_to_array(words_of(sought))) AS word;
    IF names IS NULL THEN
        RETURN;
    END IF;
    IF of_desks IS NOT NULL THEN
        SELECT '(' || string_agg('''desk=' || replace(desk, '''', '''''') || '''', ' | ') || ') & ' || names
            INTO names FROM unnest(of_desks) AS desk;
        IF names IS NULL THEN
            RETURN;
        END IF;
    END IF;
    asked := names::tsquery;
    SELECT array_agg(ticket_id) INTO matches
        FROM (SELECT ticket_id FROM ticket_search WHERE words @@ asked LIMIT many) AS matching;
    IF matches IS NULL THEN
        RETURN;
    ELSIF cardinality(matches) < many THEN
        RETURN QUERY SELECT ticket_id FROM ticket_queue
            WHERE ticket_id = ANY(matches) AND ticket_id < before
                AND (in_states IS NULL OR state = ANY(in_states))
            ORDER BY ticket_id DESC LIMIT most;
        RETURN;
    END IF;
    FOREACH newest IN ARRAY ARRAY[500, 3000, 10000] LOOP
        SELECT array_agg(ticket_id ORDER BY ticket_id DESC) INTO matches FROM (
            SELECT recent.ticket_id FROM (
                SELECT own.ticket_id FROM (
                    SELECT desk FROM ticket_numbers WHERE of_desks IS NULL OR desk = ANY(of_desks)
                ) AS asked_for CROSS JOIN LATERAL (
                    SELECT ticket_id FROM ticket_queue
                    WHERE ticket_queue.desk = asked_for.desk AND ticket_id < before
                        AND (in_states IS NULL OR state = ANY(in_states))
                    ORDER BY ticket_id DESC LIMIT newest
                ) AS own
                ORDER BY own.ticket_id DESC LIMIT newest
            ) AS recent
            -- Looked at ticket by ticket, in their order: not by the index of words, which gives all.
            WHERE (SELECT words @@ asked FROM ticket_search
                WHERE ticket_search.ticket_id = recent.ticket_id)
            ORDER BY recent.ticket_id DESC LIMIT most
        ) AS matching;
        IF cardinality(matches) >= most THEN
            RETURN QUERY SELECT * FROM unnest(matches);
            RETURN;
        END IF;
    END LOOP;
    RETURN QUERY SELECT ticket_id FROM ticket_queue
        WHERE ticket_id = ANY(ARRAY(SELECT ticket_search.ticket_id FROM ticket_search
                WHERE words @@ asked AND ticket_search.ticket_id < before))
            AND (in_states IS NULL OR state = ANY(in_states))
        ORDER BY ticket_id DESC LIMIT most;
END $$;

-- How far the words of tickets from before this are filled in, newest first; NULL: all of them.
CREATE TABLE search_fill (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    before  uuid
);
INSERT INTO search_fill (before) VALUES ('ffffffff-ffff-ffff-ffff-ffffffffffff');
