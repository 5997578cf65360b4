"""Decisions on pages: units of work, escalation, events of pages."""
