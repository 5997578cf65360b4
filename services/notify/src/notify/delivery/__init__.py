"""Sends queued deliveries, and escalates pages that nobody acknowledges."""
