-- By themselves, so that nothing is waited for in another order than that of the work on tickets.
SELECT keep_to_desks('facts'), keep_to_desks('texts');
