"""Atom and RSS: every update an entry of its own, so that readers and chat rooms miss none."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from pledge.runtime.instants import utc_text
from status.domain.incidents import Incident, Update
from status.domain.page_state import PageState
from status.public.statuspage_v2 import text_as_html

_ATOM = "http://www.w3.org/2005/Atom"
_XML = "{http://www.w3.org/XML/1998/namespace}lang"
_MOST_ENTRIES = 100
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (§2.2) has no way to write."""


def atom(state: PageState) -> bytes:
    """The page's history as an Atom feed (RFC 4287)."""
    register_namespace("", _ATOM)
    page = state.page
    host = urlsplit(page.url).hostname or "status"
    feed = _atom("feed", {_XML: page.language})
    _put(feed, "id", f"tag:{host},2005:/history")
    _link(feed, "alternate", "text/html", page.url)
    _link(feed, "self", "application/atom+xml", f"{page.url}/history.atom")
    _put(feed, "title", f"{page.name} Status - Incident History")
    entries = list(_entries(state))
    newest = entries[0][1].created_at if entries else state.updated_at
    _put(feed, "updated", utc_text(newest))
    _put(SubElement(feed, f"{{{_ATOM}}}author"), "name", page.name)
    for one, update in entries:
        entry = SubElement(feed, f"{{{_ATOM}}}entry")
        _put(entry, "id", f"tag:{host},2005:Update/{update.id}")
        _put(entry, "published", utc_text(update.created_at))
        _put(entry, "updated", utc_text(update.created_at))
        _link(entry, "alternate", "text/html", f"{page.url}/incidents/{one.id}")
        _put(entry, "title", one.name)
        for term in (f"status:{update.status.value}", f"impact:{one.impact.value}"):
            SubElement(entry, f"{{{_ATOM}}}category", {"term": term})
        _put(entry, "content", _content(update)).set("type", "html")
    return _document(feed)


def rss(state: PageState) -> bytes:
    """The page's history as RSS 2.0. No two items have the same date: chat rooms skip those."""
    register_namespace("atom", _ATOM)
    page = state.page
    root = Element("rss", {"version": "2.0"})
    channel = SubElement(root, "channel")
    _text(channel, "title", f"{page.name} Status - Incident History")
    _text(channel, "link", page.url)
    _text(channel, "description", page.about or f"Status of {page.name}")
    own = {"rel": "self", "type": "application/rss+xml", "href": f"{page.url}/history.rss"}
    SubElement(channel, f"{{{_ATOM}}}link", own)
    entries = list(_entries(state))
    newest = entries[0][1].created_at if entries else state.updated_at
    _text(channel, "pubDate", _rfc822(newest))
    last: datetime | None = None
    for one, update in entries:
        at = update.created_at.replace(microsecond=0)
        if last is not None and at >= last:
            at = last - timedelta(seconds=1)
        last = at
        item = SubElement(channel, "item")
        _text(item, "title", f"{update.status.words}: {one.name}")
        _text(item, "description", _content(update))
        _text(item, "pubDate", _rfc822(at))
        _text(item, "link", f"{page.url}/incidents/{one.id}")
        _text(item, "guid", update.id).set("isPermaLink", "false")
        _text(item, "category", f"status:{update.status.value}")
    return _document(root)


def _entries(state: PageState) -> Iterator[tuple[Incident, Update]]:
    """Updates of all incidents and maintenances, newest first."""
    entries = [(one, update) for one in state.incidents for update in one.updates]
    entries.sort(key=lambda entry: entry[1].created_at, reverse=True)
    return iter(entries[:_MOST_ENTRIES])


def _content(update: Update) -> str:
    return f"<p><strong>{update.status.words}</strong> - {text_as_html(update.body)}</p>"


def _atom(name: str, attributes: dict[str, str]) -> Element:
    return Element(f"{{{_ATOM}}}{name}", attributes)


def _put(parent: Element, name: str, text: str) -> Element:
    return _text(parent, f"{{{_ATOM}}}{name}", text)


def _link(parent: Element, rel: str, media_type: str, href: str) -> None:
    SubElement(parent, f"{{{_ATOM}}}link", {"rel": rel, "type": media_type, "href": href})


def _text(parent: Element, name: str, text: str) -> Element:
    element = SubElement(parent, name)
    element.text = _NOT_IN_XML.sub("", text)
    return element


def _rfc822(instant: datetime) -> str:
    return format_datetime(instant.astimezone(UTC))


def _document(root: Element) -> bytes:
    body: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return body
