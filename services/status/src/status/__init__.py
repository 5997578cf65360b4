"""Pledge status: publishes components and incidents on a public page."""
