"""From events to the pages and messages that a desk's routes require."""
