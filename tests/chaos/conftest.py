"""Options and servers of the chaos tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.chaos.ground import Ground, open_ground


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long, and which chance."""
    group = parser.getgroup("chaos")
    group.addoption(
        "--chaos-minutes",
        type=float,
        default=0,
        help="go through all scenarios for so long, and write docs/chaos.md",
    )
    group.addoption("--chaos-seed", type=int, default=1, help="the seed to begin with")
    group.addoption("--chaos-scenario", default="", help="only scenarios whose name has this")


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    """A broker and a database server that may be killed."""
    with open_ground() as servers:
        yield servers
