"""`pledge intake`."""
