"""The fields of facts and what they hold, as the contract of events has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from sla.desk_file.facts import fact_models
from sla.domain.facts import MILESTONE


class Noun(StrEnum):
    """What a fact is about. Each has facts, and so promises, of its own."""

    TICKET = "ticket"
    INCIDENT = "incident"


class Kind(StrEnum):
    """What a field holds, as far as conditions can ask about it."""

    YES_OR_NO = "yes or no"
    TEXT = "text"
    INSTANT = "an instant"
    NUMBER = "a number"
    COMPOUND = "a list or an object"
    ANYTHING = "anything"


class FieldType(NamedTuple):
    """The kind of a field, of a number its least and greatest value."""

    kind: Kind
    least: float | None = None
    greatest: float | None = None


class DeskFacts:
    """The facts that a desk's file may name: those of the contract, and its own milestones."""

    def __init__(self, milestones: Sequence[str]) -> None:
        self._milestones = milestones

    def noun(self, name: str) -> Noun | None:
        """What a fact is about; None when there is no such fact."""
        fact = self._in_contract(name)
        return None if fact is None else noun_of(fact)

    def fields(self, name: str) -> Mapping[str, FieldType]:
        """The fields of a fact; none of an unknown one."""
        fact = self._in_contract(name)
        return {} if fact is None else field_types(fact)

    def field(self, name: str, field: str) -> FieldType | None:
        """The field that a condition on `field` asks about: `reached` also finds `is_reached`."""
        fields = self.fields(name)
        return fields.get(field) or fields.get(f"is_{field}")

    def _in_contract(self, name: str) -> str | None:
        if name in self._milestones:
            return MILESTONE
        return name if name in fact_models() and name != MILESTONE else None


def noun_of(fact: str) -> Noun:
    """What a fact of the contract is about."""
    return Noun.INCIDENT if fact.startswith("incident_") else Noun.TICKET


@lru_cache(maxsize=256)
def field_types(fact: str) -> Mapping[str, FieldType]:
    """The fields of a fact; none of an unknown one."""
    schema = _schema(fact)
    return {name: _type(one, schema) for name, one in schema.get("properties", {}).items()}


@lru_cache(maxsize=256)
def sample_of(fact: str) -> Mapping[str, Any]:
    """Data of a fact that has all its fields, each with some value of its kind."""
    schema = _schema(fact)
    return {name: _sample(one, schema) for name, one in schema.get("properties", {}).items()}


def _schema(fact: str) -> dict[str, Any]:
    model = fact_models().get(fact)
    return {} if model is None else model.model_json_schema(by_alias=False)


def _resolved(one: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without references, and of a value that may be missing what it is otherwise."""
    choices = [each for each in one.get("anyOf", ()) if each.get("type") != "null"]
    if len(choices) == 1:
        return _resolved(choices[0], schema)
    reference = one.get("$ref")
    if isinstance(reference, str):
        return _resolved(schema["$defs"][reference.rpartition("/")[2]], schema)
    return one


def _type(one: Mapping[str, Any], schema: Mapping[str, Any]) -> FieldType:
    found = _resolved(one, schema)
    match found.get("type"):
        case "boolean":
            return FieldType(Kind.YES_OR_NO)
        case "string":
            is_instant = found.get("format") == "date-time"
            return FieldType(Kind.INSTANT if is_instant else Kind.TEXT)
        case "integer" | "number":
            return FieldType(Kind.NUMBER, found.get("minimum"), found.get("maximum"))
        case "array" | "object":
            return FieldType(Kind.COMPOUND)
        case _:
            return FieldType(Kind.ANYTHING)


def _sample(one: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    found = _resolved(one, schema)
    match found.get("type"):
        case "boolean":
            return True
        case "string":
            return "text"
        case "integer" | "number":
            return 1
        case "array":
            return ["text"]
        case "object":
            fields = found.get("properties", {})
            return {name: _sample(field, schema) for name, field in fields.items()}
        case _:
            return None
