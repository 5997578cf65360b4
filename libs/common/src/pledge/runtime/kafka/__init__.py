"""Consumption: each record changes the service's state exactly once."""
