"""The HTTP API: timers, policies, reports, quarantine."""
