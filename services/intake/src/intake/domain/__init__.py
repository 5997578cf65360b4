"""The whole meaning of intake, pure: no await, no I/O, no clock, no randomness, no logging."""
