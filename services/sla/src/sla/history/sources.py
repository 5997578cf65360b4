"""What each help desk's records say: changes of a ticket's fields, and messages by whom.

The shapes are those of the products' own exports and APIs. Unknown kinds of entries are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sla.history.records import Record

Role = Literal["agent", "requester", "internal"]


class Change(NamedTuple):
    """A field got another value. `at` is as the export writes it."""

    at: object
    field: str
    before: object
    after: object
    who: object


class Message(NamedTuple):
    """Somebody wrote. `role` is empty where only the author's id tells who it was."""

    at: object
    role: Role | Literal[""]
    who: object
    channel: object


Entry = Change | Message


@dataclass(frozen=True, slots=True)
class Adapter:
    """How a source's records are read.

    `lists` are the names under which a document holds records; `inside` gives the entries that
    stand in a ticket, `beside` those of a record of a file of its own, with the ticket's id.
    """

    lists: tuple[str, ...]
    inside: Callable[[Record], Iterator[Entry]]
    beside: Callable[[Record], Iterator[tuple[str, Entry]]]


def _dicts(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _part(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


# Zendesk: audits (ticket_audits), ticket_events (incremental export), comments.


def _zendesk_inside(ticket: Record) -> Iterator[Entry]:
    audits = _dicts(ticket.get("audits"))
    for audit in audits:
        yield from _zendesk_audit(audit)
    if not audits:
        for comment in _dicts(ticket.get("comments")):
            yield _zendesk_comment(comment, comment.get("created_at"))


def _zendesk_beside(record: Record) -> Iterator[tuple[str, Entry]]:
    ticket_id = str(record.get("ticket_id"))
    if "child_events" in record:
        entries = _zendesk_event(record)
    elif "events" in record:
        entries = _zendesk_audit(record)
    else:
        entries = iter([_zendesk_comment(record, record.get("created_at"))])
    for entry in entries:
        yield ticket_id, entry


def _zendesk_audit(audit: Record) -> Iterator[Entry]:
    at, who = audit.get("created_at"), audit.get("author_id")
    for event in _dicts(audit.get("events")):
        kind = event.get("type")
        if kind == "Change":
            name = str(event.get("field_name"))
            yield Change(at, name, event.get("previous_value"), event.get("value"), who)
        elif kind in ("Comment", "VoiceComment"):
            via = event.get("via") or audit.get("via")
            yield _zendesk_comment({"author_id": who, **event, "via": via}, at)


def _zendesk_event(event: Record) -> Iterator[Entry]:
    at, who = event.get("created_at") or event.get("timestamp"), event.get("updater_id")
    for child in _dicts(event.get("child_events")):
        kind = child.get("event_type")
        if kind == "Change":
            fixed = ("id", "via", "via_reference_id", "event_type", "previous_value")
            for name in child.keys() - set(fixed):
                yield Change(at, name, child.get("previous_value"), child[name], who)
        elif kind == "Comment":
            public = child.get("comment_public", child.get("public"))
            via = child.get("via") or event.get("via")
            yield _zendesk_comment({"author_id": who, **child, "public": public, "via": via}, at)


def _zendesk_comment(comment: Record, at: object) -> Message:
    role: Role | Literal[""] = "internal" if comment.get("public") is False else ""
    via = comment.get("via")
    channel = _part(via).get("channel") if isinstance(via, dict) else via
    return Message(at, role, comment.get("author_id"), channel)


# Zammad: history entries, articles.


def _zammad_inside(ticket: Record) -> Iterator[Entry]:
    for each in _dicts(ticket.get("history")):
        yield from _zammad_history(each)
    for each in _dicts(ticket.get("articles")):
        if (article := _zammad_article(each)) is not None:
            yield article


def _zammad_beside(record: Record) -> Iterator[tuple[str, Entry]]:
    if "sender" in record:
        article = _zammad_article(record)
        if article is not None:
            yield str(record.get("ticket_id")), article
        return
    for entry in _zammad_history(record):
        yield str(record.get("o_id")), entry


def _zammad_history(entry: Record) -> Iterator[Entry]:
    if entry.get("object") == "Ticket" and entry.get("type") == "updated":
        who = entry.get("created_by") or entry.get("created_by_id")
        yield Change(
            entry.get("created_at"),
            str(entry.get("attribute")),
            entry.get("value_from"),
            entry.get("value_to"),
            who,
        )


def _zammad_article(article: Record) -> Message | None:
    role: Role = "agent" if article.get("sender") == "Agent" else "requester"
    if article.get("sender") == "System":
        return None  # an automatic acknowledgement answers nobody
    if article.get("internal") is True or article.get("type") == "note":
        role = "internal"
    who = article.get("created_by") or article.get("created_by_id")
    return Message(article.get("created_at"), role, who, article.get("type"))


# Jira: changelog and comments.


def _jira_inside(issue: Record) -> Iterator[Entry]:
    for each in _dicts(_part(issue.get("changelog")).get("histories")):
        yield from _jira_history(each)
    comments = _part(_part(issue.get("fields")).get("comment")).get("comments")
    for each in _dicts(comments):
        yield _jira_comment(each)


def _jira_beside(record: Record) -> Iterator[tuple[str, Entry]]:
    key = str(record.get("issueKey") or record.get("issueId") or record.get("key"))
    if "items" in record:
        for entry in _jira_history(record):
            yield key, entry
    elif "changelog" in record or "fields" in record:
        for entry in _jira_inside(record):
            yield key, entry
    else:
        yield key, _jira_comment(record)


def _jira_history(history: Record) -> Iterator[Entry]:
    who = _jira_person(history.get("author"))
    for item in _dicts(history.get("items")):
        before, after = item.get("fromString"), item.get("toString")
        yield Change(history.get("created"), str(item.get("field")), before, after, who)


def _jira_comment(comment: Record) -> Message:
    author = _part(comment.get("author"))
    role: Role | Literal[""] = "requester" if author.get("accountType") == "customer" else ""
    if comment.get("jsdPublic") is False or "visibility" in comment:
        role = "internal"
    return Message(comment.get("created"), role, _jira_person(author), None)


def _jira_person(author: object) -> object:
    found = _part(author)
    return found.get("accountId") or found.get("name") or found.get("key")


def _nothing_inside(_: Record) -> Iterator[Entry]:
    return iter(())


def _nothing_beside(_: Record) -> Iterator[tuple[str, Entry]]:
    return iter(())


ADAPTERS: Mapping[str, Adapter] = {
    "csv": Adapter((), _nothing_inside, _nothing_beside),
    "zendesk": Adapter(
        ("tickets", "audits", "ticket_events", "comments"), _zendesk_inside, _zendesk_beside
    ),
    "zammad": Adapter(("tickets", "history", "articles"), _zammad_inside, _zammad_beside),
    "jira": Adapter(("issues", "values", "comments"), _jira_inside, _jira_beside),
}
"""By source."""
