"""A service as a process: description, start, supervision, stop."""
