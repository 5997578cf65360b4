"""The whole meaning of notify, pure: no await, no I/O, no clock, no randomness, no logging."""
