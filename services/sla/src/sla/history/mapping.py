"""The mapping file: what a help desk's export calls the things that promises depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError

from pledge.runtime.desk_file.model import Part
from pledge.runtime.desk_file.problem import DeskFileError, Problem, errors_of
from pledge.runtime.desk_file.yaml_file import Document, load, parse, validate_document
from pledge.runtime.desk_file.zones import UnknownZone, zone_or_offset
from sla.history.defaults import DEFAULTS
from sla.history.event_data import event_data, fact_model, known_facts

Source = Literal["csv", "zendesk", "zammad", "jira"]
Attribute = Literal[
    "severity", "priority", "plan", "channel", "product", "customer", "form", "line", "language",
    "scope", "is_trial", "is_urgent", "is_answerable",
]  # fmt: skip
Plain = str | bool | int | None


class FactSpec(Part):
    """A fact to record: its type and what else it says."""

    fact: str = Field(description="e.g. agent_replied")
    extra: dict[str, Plain] = Field(
        default_factory=dict, alias="with", description="e.g. {is_initial_response: true}"
    )


def _fact_spec(value: object) -> object:
    return {"fact": value} if isinstance(value, str) else value


ToFact = Annotated[FactSpec, BeforeValidator(_fact_spec)]


class FieldMap(Part):
    """Where an attribute stands in the export, and what its values are called here."""

    source: str = Field(alias="from", description="A column, or a path such as via.channel.")
    change: str | None = Field(
        default=None, description="Its name in the ticket's history, where that is another."
    )
    values: dict[str, Plain] = Field(
        default_factory=dict, description="Theirs: ours. Without it, values are taken as they are."
    )
    otherwise: Plain = Field(default=None, description="For what `values` does not name.")


class TimeMap(Part):
    """An instant that stands on the ticket itself."""

    at: str
    fact: ToFact
    unless: Literal["changes", "messages"] | None = Field(
        default=None, description="Only for tickets whose export has none of these."
    )


class MessageMap(Part):
    """What a message is, by who wrote it; without a fact it is left out."""

    agent: ToFact | None = None
    requester: ToFact | None = None
    internal: ToFact | None = None


class EventRows(Part):
    """CSV with a row for each event: when, and which."""

    at: str
    type: str
    types: dict[str, ToFact | None]


class MappingFile(Part):
    """A mapping file."""

    source: Source = Field(alias="from")
    zone: str = Field(default="UTC", description="Of times that are written without an offset.")
    time_format: str | None = Field(default=None, description="strptime; without it, ISO 8601.")
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="Of CSV.")
    id: str
    number: str | None = Field(default=None, description="For people; without it, the id.")
    prefix: str = Field(default="", max_length=20, description="Before the number.")
    opened: str | None = Field(default=None, description="When the ticket was opened.")
    requester: str | None = Field(default=None, description="Who asked: their id there.")
    attributes: dict[Attribute, FieldMap] = Field(default_factory=dict)
    times: list[TimeMap] = Field(default_factory=list)
    changes: dict[str, dict[str, ToFact | None]] = Field(
        default_factory=dict, description="Field: new value: fact; `*` for any other value."
    )
    messages: MessageMap = MessageMap()
    events: EventRows | None = None

    def specs(self) -> list[tuple[tuple[str | int, ...], FactSpec]]:
        """Every fact that the file names, with the way to it."""
        found: list[tuple[tuple[str | int, ...], FactSpec | None]] = [
            (("times", number, "fact"), each.fact) for number, each in enumerate(self.times)
        ]
        for field, values in self.changes.items():
            found += [(("changes", field, value), spec) for value, spec in values.items()]
        for name in ("agent", "requester", "internal"):
            found.append((("messages", name), getattr(self.messages, name)))
        if self.events is not None:
            found += [(("events", "types", name), s) for name, s in self.events.types.items()]
        return [(steps, spec) for steps, spec in found if spec is not None]


def default_mapping(source: Source) -> MappingFile:
    """The mapping of a source whose fields were never renamed."""
    return _read(parse(DEFAULTS[source], Path(f"{source}.map.yaml")), source)


def load_mapping(path: Path, source: Source) -> MappingFile:
    """The mapping in a file. Raises DeskFileError with every problem, its line and a hint."""
    return _read(load(path), source)


def _read(document: Document, source: Source) -> MappingFile:
    mapping, problems = validate_document(document, MappingFile)
    if mapping is not None:
        problems = [*_problems(document, mapping, source)]
    if mapping is None or problems:
        raise DeskFileError(errors_of(problems))
    return mapping


def _problems(document: Document, mapping: MappingFile, source: Source) -> list[Problem]:
    found: list[Problem] = []
    if mapping.source != source:
        hint = f"write `from: {source}`, or call the command with --from {mapping.source}"
        found.append(document.problem(("from",), f"is for {mapping.source}", hint))
    try:
        zone_or_offset(mapping.zone)
    except UnknownZone as error:
        found.append(document.problem(("zone",), str(error), error.hint))
    if mapping.opened is None and mapping.events is None:
        found.append(document.problem((), "`opened` is missing", "name when tickets were opened"))
    for steps, spec in mapping.specs():
        if fact_model(spec.fact) is None:
            found.append(document.unknown(steps, "fact", spec.fact, known_facts()))
        elif message := _lacking(spec):
            found.append(document.problem(steps, message, "add it under `with:`"))
    return found


_HEAD = {
    "desk": "history",
    "ticket_id": "0190b3a4-0000-7000-8000-000000000000",
    "ticket_number": "1",
    "occurred_at": "2026-01-31T09:00:00Z",
    "recorded_at": "2026-01-31T09:00:00Z",
}


def _lacking(spec: FactSpec) -> str:
    """What the contract asks of the fact that neither the import nor `with` gives."""
    model = fact_model(spec.fact)
    try:
        if model is not None:
            model.model_validate({**event_data(spec.fact, spec.extra, "1", "email"), **_HEAD})
    except ValidationError as error:
        first = error.errors()[0]
        return f"`{spec.fact}`: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    return ""
