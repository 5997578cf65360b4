"""What a run reports while it goes on: on stderr, so that stdout is the table alone."""

from __future__ import annotations

from rich.console import Console

CONSOLE = Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """One line of progress."""
    CONSOLE.print(f"  {line}", soft_wrap=True)
