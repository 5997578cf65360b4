"""The staff's HTTP API."""
