"""`pledge status`."""
