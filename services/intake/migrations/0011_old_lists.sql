-- By itself: to make an index and drop one in a single transaction deadlocks with work on tickets.
DROP INDEX tickets_desk, tickets_unfinished;
