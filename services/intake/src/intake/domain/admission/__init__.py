"""New requests: what they say, who may ask, what is covered, and the tickets that they open."""
