"""Pledge on one machine: embedded Kafka and PostgreSQL, the four services, a sink and a demo."""
