"""Feeds, paragraphs, and what clients have already."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

import pytest
from fastapi import Request

from status.domain.incidents import IncidentStatus
from status.domain.page_state import PageState
from status.public import feeds
from status.public.render import as_paragraphs
from status.public.site import host_of, is_unchanged
from unit.status.builders import NOON, Story, a_state, minutes, opening, saying

ATOM = "{http://www.w3.org/2005/Atom}"


def a_page_with_history() -> PageState:
    story = Story()
    story.then(replace(opening(), name="Mail & <more>"))
    story.now = NOON + minutes(1)
    for status in (IncidentStatus.IDENTIFIED, IncidentStatus.RESOLVED):
        story.then(saying(status))
        story.now = NOON + minutes(1)  # two updates in one second
    return replace(a_state(incidents=(story.current,)), updated_at=NOON + timedelta(days=1))


def test_the_atom_feed_has_an_entry_per_update_newest_first() -> None:
    feed = ElementTree.fromstring(feeds.atom(a_page_with_history()))

    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) == 3
    assert len({one.findtext(f"{ATOM}id") for one in entries}) == 3
    assert {one.findtext(f"{ATOM}title") for one in entries} == {"Mail & <more>"}
    terms = [one.find(f"{ATOM}category") for one in entries]
    assert terms[-1] is not None
    assert terms[-1].get("term") == "status:investigating"
    # Of the newest entry, not of the request or of the page.
    assert feed.findtext(f"{ATOM}updated") == entries[0].findtext(f"{ATOM}updated")
    own = [one.get("href") for one in feed.findall(f"{ATOM}link") if one.get("rel") == "self"]
    assert own == ["https://status.example.com/history.atom"]


def test_no_two_items_of_the_rss_feed_have_the_same_date() -> None:
    channel = ElementTree.fromstring(feeds.rss(a_page_with_history())).find("channel")
    assert channel is not None

    dates = [parsedate_to_datetime(one.findtext("pubDate") or "") for one in channel.iter("item")]
    assert len(set(dates)) == 3
    assert dates == sorted(dates, reverse=True)
    guids = list(channel.iter("guid"))
    assert len({one.text for one in guids}) == 3
    assert {one.get("isPermaLink") for one in guids} == {"false"}


def test_an_empty_history_is_a_feed_too() -> None:
    assert ElementTree.fromstring(feeds.atom(a_state())).findall(f"{ATOM}entry") == []
    assert list(ElementTree.fromstring(feeds.rss(a_state())).iter("item")) == []


def test_text_becomes_paragraphs_and_markup_stays_text() -> None:
    assert as_paragraphs("a\r\nb\n\n\n<c>") == "<p>a<br>b</p>\n<p>&lt;c&gt;</p>"


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("status.example.com", "status.example.com"),
        ("Status.Example.com:8104", "status.example.com"),
        ("[::1]:80", "::1"),
        ("", None),
        ("[", None),
    ],
)
def test_the_host_is_read_without_its_port(header: str, host: str | None) -> None:
    assert host_of(header) == host


@pytest.mark.parametrize(
    ("headers", "unchanged"),
    [
        ({}, False),
        ({"if-none-match": '"tag"'}, True),
        ({"if-none-match": '"other", W/"tag"'}, True),
        ({"if-none-match": "*"}, True),
        ({"if-none-match": '"other"'}, False),
        # The tag decides where there is one (RFC 9110 §13.2.2).
        ({"if-none-match": '"other"', "if-modified-since": "Mon, 02 Mar 2026 12:00:00 GMT"}, False),
        ({"if-modified-since": "Mon, 02 Mar 2026 12:00:00 GMT"}, True),
        ({"if-modified-since": "Mon, 02 Mar 2026 11:59:59 GMT"}, False),
        ({"if-modified-since": "Mon, 02 Mar 2026 12:00:00 -0000"}, True),
        ({"if-modified-since": "now"}, False),
    ],
)
def test_what_a_client_has_is_not_sent_again(headers: dict[str, str], unchanged: bool) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "headers": raw})

    assert is_unchanged(request, '"tag"', NOON.astimezone(UTC)) is unchanged
