"""The demo: contacts by every channel, and what Pledge makes of them, told as it happens."""

from pledge_local.demo.show import show

__all__ = ["show"]
