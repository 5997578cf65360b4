"""Pledge notify: pages and mails people, and escalates until somebody acknowledges."""
