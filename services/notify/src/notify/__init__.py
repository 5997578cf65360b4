"""Pledge notify: sends pages, mails and chat messages; escalates unacknowledged pages."""
