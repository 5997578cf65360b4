-- Lists, newest first: each state of each desk in its order, also a state that few are in.
-- Tickets can't be written while it is made: some seconds with a million.
CREATE INDEX tickets_by_state ON tickets (desk, state, id);
