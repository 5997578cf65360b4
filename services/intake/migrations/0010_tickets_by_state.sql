-- Lists, newest first: each state of each desk in its order, also a state that few are in.
CREATE INDEX tickets_by_state ON tickets (desk, state, id);
DROP INDEX tickets_desk, tickets_unfinished;
