"""Webhooks of chat and phone providers: signed requests that become channel events."""
