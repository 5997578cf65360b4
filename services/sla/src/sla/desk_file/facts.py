"""The facts that a desk's file may name, as the contract of events has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel

from pledge.events import EVENT_TYPES
from pledge.runtime.config.error_messages import suggest
from sla.desk_file.hours_parser import Report
from sla.domain.facts import MILESTONE, milestone_fact


def fact_models() -> dict[str, type[BaseModel]]:
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
    found = fact_models()
    own = found.pop(MILESTONE)
    for i, name in enumerate(milestones):
        if name in found:
            hint = "give it another name here and in intake.yaml"
            fail(("milestones", i), f"there is a fact `{name}` already", hint)
    return dict.fromkeys(milestones, own) | found


def fact_named(name: str, milestones: Sequence[str]) -> str:
    """The type of fact that a trigger means by a name."""
    return milestone_fact(name) if name in milestones else name


def hint_for_fact(name: str, known: Iterable[str]) -> str | None:
    """What is meant by the name of a fact that there is not."""
    if name == MILESTONE:
        return "write the name of the milestone itself, listed under `milestones`"
    return suggest(name, sorted(known))


def fields_of(facts: Iterable[str]) -> set[str]:
    """The fields that one of these facts, at least, has."""
    models = fact_models()
    return {field for fact in facts if fact in models for field in models[fact].model_fields}
