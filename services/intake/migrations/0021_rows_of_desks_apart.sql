SELECT keep_to_desks(kept::regclass)
FROM unnest(ARRAY['chats', 'sign_ins', 'customer_plans', 'attachments', 'ticket_numbers',
    'ticket_queue', 'ticket_promises', 'ticket_search', 'maintenance_windows', 'articles']) AS kept;
GRANT SELECT ON search_fill TO intake_requests;
