"""Commands on incidents, the schedule of maintenances, the pages in memory."""
