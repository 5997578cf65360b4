"""Settings from the environment and desks' files: read, checked, reloaded."""
