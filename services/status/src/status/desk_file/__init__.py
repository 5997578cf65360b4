"""Reads and checks a desk's status.yaml."""
