"""The whole meaning of status, pure: no await, no I/O, no clock, no randomness, no logging."""
