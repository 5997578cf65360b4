-- By itself: the triggers of the former hold up work on tickets until they are committed. The rows of
-- finished tickets are filled in with their words, by the service.
INSERT INTO ticket_queue (ticket_id, desk, state, severity, channel, customer, assignee, team, due_at,
    metric, is_breached)
SELECT id, desk, state, coalesce(severity, ''), channel, coalesce(details ->> 'customer', ''),
    coalesce(details -> 'assignee' ->> 'id', ''), coalesce(details ->> 'team', ''),
    due.due_at, due.metric, due.is_breached
FROM tickets CROSS JOIN LATERAL due_of_ticket(id) AS due
WHERE state NOT IN ('resolved', 'closed')
ON CONFLICT (ticket_id) DO NOTHING;
