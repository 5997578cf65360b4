"""Signing people in at an OpenID provider."""
