"""Pledge sla: keeps a timer on every promise and publishes warnings and breaches."""
