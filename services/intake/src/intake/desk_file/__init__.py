"""Reads and checks a desk's intake.yaml."""
