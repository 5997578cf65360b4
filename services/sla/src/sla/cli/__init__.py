"""`pledge sla`."""
