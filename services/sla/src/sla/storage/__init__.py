"""Facts, timers and policies in PostgreSQL."""
