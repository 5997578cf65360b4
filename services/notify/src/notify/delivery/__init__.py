"""Claims, sends and records deliveries."""
