"""What tests share: a real broker, a real database server, and ways to wait and to read topics."""
