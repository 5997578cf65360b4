"""What goes wrong on a developer's machine, said so that they can put it right."""

from __future__ import annotations

from pledge.runtime.cli.root import CommandError


class LocalError(CommandError):
    """Something in the way of the local stack: `problem` says what, `remedy` what to do.

    The `pledge` command prints both and exits with status 2.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n{remedy}")
        self.problem = problem
        self.remedy = remedy
