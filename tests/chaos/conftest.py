"""Options and servers of the chaos tests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from support.chaos.load import SHORT
from support.chaos.servers import Servers, open_servers
from support.chaos.trial_runner import TrialRunner


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long, and which chance."""
    group = parser.getgroup("chaos")
    group.addoption(
        "--chaos-minutes",
        type=float,
        default=0.0,
        help="go through all scenarios for so long, and write docs/chaos.md",
    )
    group.addoption("--chaos-seed", type=int, default=1, help="the seed to begin with")
    group.addoption(
        "--chaos-timers", type=int, default=0, help="let so many timers come due while things break"
    )
    group.addoption("--chaos-scenario", default="", help="this scenario alone, once, in long form")


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """A broker and a database server that may be killed."""
    # That a broker can't be reached is what is meant to happen here.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with open_servers() as servers:
        yield servers


@pytest.fixture(scope="session")
def runner(servers: Servers) -> Iterator[TrialRunner]:
    """Where trials of the short form are held, all in one deployment."""
    shared = TrialRunner(servers, SHORT)
    yield shared
    asyncio.run(shared.close_deployment())
