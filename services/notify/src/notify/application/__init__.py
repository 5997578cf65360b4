"""What notify decides and writes together: units of work, escalation, events of pages."""
