"""Settings from the environment, error messages, and files that are read again when they change."""
