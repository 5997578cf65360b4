"""The HTTP API: pages, deliveries, calls."""
