"""A JSON Schema (2020-12) for each event: what `decode` accepts in a record's value."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from pledge.events.event import Event
from pledge.events.registry import ALL_EVENTS

DIALECT = GenerateJsonSchema.schema_dialect


class _PlainSchema(GenerateJsonSchema):
    """Without a title on each field that only repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def files(folder: Path) -> dict[Path, Any]:
    """The schema of every event, by the file it belongs in."""
    return {folder / f"{model.TYPE}.json": _schema(model) for model in ALL_EVENTS}


def components() -> dict[str, Any]:
    """The schemas of all events and of the values they share, for one document that holds both."""
    wanted: list[tuple[type[BaseModel], Any]] = [(model, "validation") for model in ALL_EVENTS]
    _, schema = models_json_schema(
        wanted, ref_template="#/components/schemas/{model}", schema_generator=_PlainSchema
    )
    definitions: dict[str, Any] = schema["$defs"]
    for model in ALL_EVENTS:
        _as_on_the_wire(model, definitions[model.__name__])
    return definitions


def _schema(model: type[Event]) -> dict[str, Any]:
    schema = model.model_json_schema(schema_generator=_PlainSchema)
    _as_on_the_wire(model, schema)
    return {"$schema": DIALECT, "$id": f"{model.TYPE}.json", **schema}


def _as_on_the_wire(model: type[Event], schema: dict[str, Any]) -> None:
    """`type` is always there, whatever its default in Python; former names are deprecated.

    A required field that was renamed may come under either name: old records have the former one.
    """
    required = ["type", *schema["required"]]
    properties, either = schema["properties"], []
    for former, name in model.former_names().items():
        own = {key: value for key, value in properties[name].items() if key != "default"}
        note = f"Deprecated: the same as `{name}`, under its former name."
        properties[former] = {**own, "description": note, "deprecated": True}
        if name in required:
            required.remove(name)
            either.append({"anyOf": [{"required": [name]}, {"required": [former]}]})
    schema["required"] = required
    if either:
        schema["allOf"] = either
