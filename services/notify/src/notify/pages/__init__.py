"""Pages for people: what is open, one page, acknowledgement links."""
