"""Work that falls due at an instant, and fair turns between desks."""
