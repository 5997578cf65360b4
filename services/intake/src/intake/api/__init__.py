"""The HTTP API: tickets, their relations, customers."""
