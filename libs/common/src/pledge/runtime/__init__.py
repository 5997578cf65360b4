"""The plumbing of Pledge's services: no event, no domain. Never imports pledge.events."""
