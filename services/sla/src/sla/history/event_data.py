"""What an imported fact says: the fields that the contract asks of each ticket event."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pledge.events import EVENT_TYPES, Event
from pledge.events.values import Contact

UNKNOWN = "unknown"
"""Who did something, where the export does not say."""


def known_facts() -> list[str]:
    """The types of fact that an import may write, in alphabetical order."""
    names = (name.split(".") for name in EVENT_TYPES)
    return sorted(parts[2] for parts in names if parts[1] == "ticket")


@lru_cache(maxsize=256)
def fact_model(fact: str) -> type[Event] | None:
    """The contract's event that becomes a fact of this type, if there is one."""
    return EVENT_TYPES.get(f"pledge.ticket.{fact}.v1")


@lru_cache(maxsize=256)
def _is_contact(fact: str) -> bool:
    """Whether the contract names a person outside the desk in the fact's `by`."""
    model = fact_model(fact)
    field = model.model_fields.get("by") if model is not None else None
    return field is not None and "Contact" in str(field.annotation)


@lru_cache(maxsize=256)
def _fields(fact: str) -> frozenset[str]:
    model = fact_model(fact)
    return frozenset(model.model_fields) if model is not None else frozenset()


def event_data(fact: str, extra: Mapping[str, Any], who: str, channel: str) -> dict[str, Any]:
    """The event's own fields, beside those that all ticket events have.

    `who` is the id of the person in the help desk that was exported, or UNKNOWN.
    """
    fields = _fields(fact)
    data: dict[str, Any] = {"type": f"pledge.ticket.{fact}.v1"}
    if "by" in fields:
        data["by"] = contact(who) if _is_contact(fact) else actor(who)
    if "channel" in fields:
        data["channel"] = channel
    if fact == "opened":
        data["requester"] = contact(who)
    if fact == "closed":
        data["reason"] = "imported"
    if fact == "contact_attempted":
        data["reached"] = False
    if fact == "assigned":
        data["assignee"] = actor(who)
    data.update(extra)
    return data


def actor(who: str) -> dict[str, Any]:
    """An agent, by their id in the other help desk."""
    return {"kind": "agent", "id": who}


def contact(who: str) -> dict[str, Any]:
    """A person outside the desk, by their id there: no address leaves the export."""
    return Contact(name=None if who == UNKNOWN else who).model_dump(exclude_none=True)
