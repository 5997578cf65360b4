"""The facts that a desk's file may name, as the contract of events has them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from pydantic import BaseModel

from pledge.events import EVENT_TYPES
from pledge.runtime.config.error_messages import suggest
from sla.desk_file.hours_parser import Report
from sla.domain.facts import MILESTONE, milestone_fact

_VERSION = re.compile(r"\.v\d+$")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# What other systems call it.
_SYNONYMS = {
    "answered": "agent_replied",
    "created": "opened",
    "customer_replied": "requester_replied",
    "replied": "agent_replied",
    "solved": "resolved",
    "updated": "incident_updated",
}


@lru_cache(maxsize=1)
def fact_models() -> Mapping[str, type[BaseModel]]:
    """Every fact that a trigger may name, with its event."""
    found: dict[str, type[BaseModel]] = {}
    for name, model in EVENT_TYPES.items():
        _, noun, verb, _ = name.split(".")
        if noun == "ticket":
            found[verb] = model
        elif noun == "incident":
            found[f"incident_{verb}"] = model
    return found


def facts_of_desk(milestones: Sequence[str], fail: Report) -> dict[str, type[BaseModel]]:
    """Every fact that a trigger of this desk may name: the contract's, and its own milestones.

    Reports a milestone that is named like another fact."""
    found = {**fact_models()}
    own = found.pop(MILESTONE)
    for i, name in enumerate(milestones):
        if name in found:
            hint = "give it another name here and in intake.yaml"
            fail(("milestones", i), f"there is a fact `{name}` already", hint)
    return dict.fromkeys(milestones, own) | found


def fact_named(name: str, milestones: Sequence[str]) -> str:
    """The type of fact that a trigger means by a name."""
    return milestone_fact(name) if name in milestones else name


def fields_of(facts: Iterable[str]) -> set[str]:
    """The fields that one of these facts, at least, has."""
    models = fact_models()
    return {field for fact in facts if fact in models for field in models[fact].model_fields}


def hint_for_fact(word: str, known: Collection[str]) -> str | None:
    """The fact that `word` was probably meant to be: written like an event's type, or as other
    systems call it, or spelled nearly so."""
    if word == MILESTONE:
        return "write the name of the milestone itself, listed under `milestones`"
    name = _CAPITAL.sub("_", _VERSION.sub("", word.strip()).removeprefix("pledge.")).lower()
    name = name.replace(".", "_").replace("-", "_").replace(" ", "_")
    for candidate in (name, name.removeprefix("ticket_")):
        meant = candidate if candidate in known else _SYNONYMS.get(candidate)
        if meant in known:
            return f"did you mean `{meant}`?"
    return suggest(name, sorted(known))
