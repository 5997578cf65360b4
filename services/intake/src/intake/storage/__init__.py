"""The tickets in PostgreSQL."""
