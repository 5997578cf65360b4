"""Each kind of delivery has its events; one that has none is refused."""

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest

from notify.delivery.events import delivery_events, message_events
from notify.domain.delivery import Delivered
from notify.storage.rows import About, Draft
from pledge.events import (
    ChatFailed,
    ChatPosted,
    EmailFailed,
    EmailSent,
    Envelope,
    WebhookDelivered,
    WebhookFailed,
)
from support.cluster import ROOT

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CAUSE = Envelope("1", "/test", "t", NOW, "s", "demo", 1, "1", None, None)


def a_draft(kind: str) -> Draft:
    return Draft(UUID(int=1), "demo", "demo/fax", "fax", kind, "+15550100", About(), {}, {}, CAUSE)


def test_each_kind_of_message_has_events_of_its_own() -> None:
    assert message_events("email") == (EmailSent, EmailFailed)
    assert message_events("chat") == (ChatPosted, ChatFailed)
    assert message_events("webhook") == (WebhookDelivered, WebhookFailed)


def test_a_kind_without_events_is_refused_and_not_taken_for_a_mail() -> None:
    with pytest.raises(ValueError, match=r"kind 'fax' have no events.*email, chat, webhook"):
        delivery_events(a_draft("fax"), Delivered("250"), 1, NOW, is_last=True)


def test_each_kind_that_the_database_takes_has_events() -> None:
    sql = "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "services/notify/migrations").glob("*.sql"))
    )
    kinds = re.findall(r"CHECK \(kind IN \(([^)]*)\)\)", sql)[-1]
    for kind in set(re.findall(r"'(\w+)'", kinds)) - {"page"}:
        assert message_events(kind)
