"""The board and the explanations, for people."""
