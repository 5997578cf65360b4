"""Generates docs/reference: settings and metrics of every service."""
