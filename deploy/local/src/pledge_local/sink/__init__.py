"""A mail server and a webhook receiver that keep what arrives and show it."""
