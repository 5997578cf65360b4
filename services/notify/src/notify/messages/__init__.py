"""Templates and the messages made from them."""
