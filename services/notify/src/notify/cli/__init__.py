"""`pledge notify`."""
