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
        _require_type(definitions[model.__name__])
    return definitions


def _schema(model: type[Event]) -> dict[str, Any]:
    schema = model.model_json_schema(schema_generator=_PlainSchema)
    _require_type(schema)
    return {"$schema": DIALECT, "$id": f"{model.TYPE}.json", **schema}


def _require_type(schema: dict[str, Any]) -> None:
    """`type` has a default for whoever writes Python; on the wire it is always there."""
    schema["required"] = ["type", *schema["required"]]
