"""Pages and deliveries in PostgreSQL."""
