-- The tickets of a customer: those whose plan changes with the customer's, and those that its
-- administrators see in the portal. Most tickets of most desks have no known customer.
CREATE INDEX tickets_customer ON tickets (desk, (details ->> 'customer'), id)
    WHERE details ->> 'customer' IS NOT NULL;
