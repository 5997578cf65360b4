"""Applies a policy version to open tickets; previews what it would change."""
