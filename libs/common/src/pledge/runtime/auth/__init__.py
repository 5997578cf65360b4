"""Who may do what: tokens and their keys, sessions, signed values."""
