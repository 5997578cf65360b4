"""Golden samples: one record of each event type, made once and kept for ever.

A sample fills every field its event had when the type was new. Later versions of the code must
read it without losing anything; `SHA256SUMS`, next to the samples, shows when one was changed. A
type of which a field is renamed gets a further sample, `<type>.2.json`, with the new name.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count, takewhile
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel

from pledge.events.codec import Decoded, Malformed, decode, encode
from pledge.events.envelope import caused_by, originate
from pledge.events.event import Event
from pledge.events.registry import ALL_EVENTS
from pledge.events.sla import PromiseEvent
from pledge.events.ticket import Noted

SUMS = "SHA256SUMS"

Sampled = TypeVar("Sampled", bound=Event)

_NAMESPACE = UUID("a3c1f9d2-6a55-5b0e-8f2d-3f0a6f1f3a10")
_DUE = datetime(2026, 3, 2, 14, 35, 7, 250_000, tzinfo=UTC)
_INSTANTS: Mapping[str, datetime] = {
    "occurred_at": datetime(2026, 3, 2, 14, 5, 7, 250_000, tzinfo=UTC),
    "recorded_at": datetime(2026, 3, 2, 14, 5, 8, tzinfo=UTC),
    "due_at": _DUE,
    "breached_at": _DUE,
    "detected_at": _DUE + timedelta(milliseconds=40),
}
_LATER = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)
_TEXTS: Mapping[str, str] = {
    "desk": "vircom",
    "number": "VIR-10042",
    "ticket_number": "VIR-10042",
    "subject_line": "No mail flow since 09:00 — «urgent» 📮",
    "email": "alex.roy@customer.example",
    "phone": "+15550142",
    "zone": "America/Toronto",
    "language": "fr-CA",
    "severity": "p1",
    "previous_severity": "p3",
    "requested_severity": "p3",
    "priority": "urgent",
    "metric": "first_response",
    "target": "30 minutes, round the clock",
    "channel": "email",
    "source": "/intake",
    "line": "support@vircom.example",
    "text": 'Nothing arrives.\nWe see "421" and C:\\queue\\u0041 in the log.',
    "state": "investigating",
    "impact": "critical",
    "policy_version": "2026-03-01.1",
}


def sample_of(model: type[Sampled]) -> Sampled:
    """An event with every field filled, the same in every run."""
    content = _content(model)
    if issubclass(model, PromiseEvent):
        content["incident_id"] = None
    return model.model_validate(content)


def record(folder: Path, model: type[Event]) -> dict[str, Any]:
    """The record of a sample as it is kept, or as it would be made: topic, key, headers, value."""
    kept = kept_files(folder, model)
    text = kept[-1].read_text(encoding="utf-8") if kept else render(model)
    content: dict[str, Any] = json.loads(text)
    return content


def render(model: type[Event]) -> str:
    """The text of a new sample: the record with its headers, readable."""
    event = sample_of(model)
    cause_id = str(uuid5(_NAMESPACE, "cause"))
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    cause = originate(sample_of(Noted), source="/gateways/sample", id=cause_id, traceparent=trace)
    encoded = encode(event, caused_by(event, cause, 0, source="/sample", sequence=7))
    content = {
        "topic": encoded.topic,
        "key": encoded.key.decode(),
        "headers": {name: raw.decode() for name, raw in encoded.headers},
        "value": json.loads(encoded.value),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def path_of(folder: Path, model: type[Event], edition: int = 1) -> Path:
    """Where a sample of an event type is kept; a later `edition` has fields by their new names."""
    suffix = "" if edition == 1 else f".{edition}"
    return folder / f"{model.TYPE}{suffix}.json"


def kept_files(folder: Path, model: type[Event]) -> list[Path]:
    """The samples of an event type, oldest first."""
    paths = (path_of(folder, model, edition) for edition in count(1))
    return list(takewhile(Path.exists, paths))


def missing_files(folder: Path) -> dict[Path, str]:
    """The samples that are still to be made, with their text."""
    kept = {model: kept_files(folder, model) for model in ALL_EVENTS}
    return {
        path_of(folder, model, len(paths) + 1): render(model)
        for model, paths in kept.items()
        if not paths or not _has_all_names(paths[-1], model)
    }


def _has_all_names(path: Path, model: type[Event]) -> bool:
    """Whether a sample has every renamed field under its new name."""
    value = json.loads(path.read_text(encoding="utf-8"))["value"]
    return all(name in value for name in model.former_names().values())


def problems(folder: Path) -> list[str]:
    """What is wrong with the samples kept: touched, lost, or not fully read any more."""
    found = []
    for name, digest in sorted(_read_sums(folder).items()):
        path = folder / name
        if not path.exists():
            found.append(f"{path}: a golden sample was removed; restore it")
        elif sha256(path.read_bytes()).hexdigest() != digest:
            found.append(f"{path}: a golden sample was changed; restore it, make a new version")
    for path in sorted(folder.glob("*.json")):
        loss = _loss(path)
        if loss:
            found.append(f"{path}: {loss}; keep reading it, make a new version")
    return found


def sums(folder: Path) -> str:
    """The text of `SHA256SUMS` (for `sha256sum -c` too): what it held, which is never replaced, and
    the samples made since."""
    digests = {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.json")}
    digests |= _read_sums(folder)
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def _read_sums(folder: Path) -> dict[str, str]:
    path = folder / SUMS
    lines = path.read_text().splitlines() if path.exists() else []
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def _loss(path: Path) -> str | None:
    """Why today's code does not read the whole of a sample, if it doesn't."""
    record = json.loads(path.read_text(encoding="utf-8"))
    headers = [(name, text.encode()) for name, text in record["headers"].items()]
    try:
        decoded = decode(headers, json.dumps(record["value"]).encode())
    except Malformed as error:
        return f"it is no longer readable ({error})"
    if not isinstance(decoded, Decoded):
        return f"its type {decoded.type} is no longer known"
    now = decoded.event.model_dump(mode="json")
    lost = sorted(name for name, was in record["value"].items() if not holds(now.get(name), was))
    return f"these fields are no longer read as they were: {', '.join(lost)}" if lost else None


def holds(now: Any, was: Any) -> bool:
    """Whether all of what was kept is still there; fields may be new, within values too."""
    if isinstance(was, dict) and isinstance(now, dict):
        return all(name in now and holds(now[name], each) for name, each in was.items())
    if isinstance(was, list) and isinstance(now, list):
        return len(now) == len(was) and all(map(holds, now, was))
    return bool(now == was)


def _content(model: type[BaseModel]) -> dict[str, Any]:
    return {name: _value(name, field.annotation) for name, field in model.model_fields.items()}


def _value(name: str, annotation: Any) -> Any:
    """A plausible value for a field, chosen by its name where that says more than its type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return arguments[0]
    if origin in (Union, UnionType):
        return _value(name, arguments[0])
    if origin is tuple:
        return (_value(name, arguments[0]),)
    if origin is dict:
        return {"version": "8.4.1"}
    if hasattr(annotation, "__metadata__"):
        return _value(name, annotation.__origin__)
    if issubclass(annotation, BaseModel):
        return _content(annotation)
    return _scalar(name, annotation)


def _scalar(name: str, kind: type) -> Any:
    scalars: dict[type, Any] = {
        str: _TEXTS.get(name, f"{name} of the sample"),
        bool: True,
        int: 1,
        float: 0.5,
        UUID: uuid5(_NAMESPACE, name),
        AwareDatetime: _INSTANTS.get(name, _LATER),
        timedelta: timedelta(minutes=12, seconds=30),
    }
    return scalars[kind]
