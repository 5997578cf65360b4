"""A receiver, a mailbox and a notify for each test that uses them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.notify.harness import Mailbox, Notify, Receiver
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A real HTTP server that takes webhooks."""
    found = Receiver()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    """A real SMTP server that takes mails."""
    found = Mailbox()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def notify(
    kafka: KafkaSettings, database: Databases, tmp_path: Path, receiver: Receiver, mailbox: Mailbox
) -> AsyncIterator[Notify]:
    """The service; the test starts it."""
    found = Notify(kafka, database("notify"), tmp_path, receiver, mailbox)
    yield found
    await found.stop()
