"""The whole meaning of sla, pure: no await, no I/O, no clock, no randomness, no logging."""
