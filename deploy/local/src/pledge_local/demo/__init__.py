"""The demo: contacts by every channel, and what Pledge does about them, reported as it happens."""

from pledge_local.demo.show import show

__all__ = ["show"]
