"""The facts that a desk's file may name, as the contract of events has them."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from pledge.events import EVENT_TYPES


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


def fields_of(facts: Iterable[str]) -> set[str]:
    """The fields that one of these facts, at least, has."""
    models = fact_models()
    return {field for fact in facts if fact in models for field in models[fact].model_fields}
