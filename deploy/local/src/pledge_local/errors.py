"""What goes wrong on a developer's machine, said so that they can put it right."""

from __future__ import annotations


class LocalError(Exception):
    """Something in the way of the local stack: `problem` says what, `remedy` what to do.

    Commands print both and exit with code 2; a stack trace would only hide them.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}\n{remedy}")
        self.problem = problem
        self.remedy = remedy
