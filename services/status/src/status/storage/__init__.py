"""Components and incidents in PostgreSQL."""
