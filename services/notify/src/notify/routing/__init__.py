"""From events to the pages and mails that a desk's routes ask for."""
