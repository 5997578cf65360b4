"""From a ticket's facts to its timers and the events about them."""
