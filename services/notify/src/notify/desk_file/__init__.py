"""Reads and checks a desk's notify.yaml."""
