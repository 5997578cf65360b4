"""The demo."""

from __future__ import annotations

from rich.console import Console

from pledge.runtime.clock import Clock
from pledge_local.home import Home


async def show(home: Home, console: Console, clock: Clock) -> int:
    """Not yet."""
    raise NotImplementedError
