"""Golden samples: what was ever published stays readable."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pledge.events import EVENT_TYPES, Decoded, Encoded, decode, encode
from pledge.events.spec.samples import holds

FOLDER = Path(__file__).parent / "samples"
SAMPLES = sorted(FOLDER.glob("*.json"))
FURTHER = re.compile(r"(?<=\.v\d)\.\d+$")


def sample(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def record(path: Path) -> Encoded:
    content = sample(path)
    return Encoded(
        topic=content["topic"],
        key=content["key"].encode(),
        headers=tuple((name, text.encode()) for name, text in content["headers"].items()),
        value=json.dumps(content["value"]).encode(),
    )


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_read_without_loss_and_would_be_published_the_same(path: Path) -> None:
    kept = record(path)

    decoded = decode(kept.headers, kept.value)

    assert isinstance(decoded, Decoded)
    again = encode(decoded.event, decoded.envelope)
    assert (again.topic, again.key, again.headers) == (kept.topic, kept.key, kept.headers)
    now = json.loads(again.value)
    assert holds(now, sample(path)["value"])


def test_what_is_lost_within_a_value_is_seen() -> None:
    was = {"files": [{"name": "a.log", "size": 3}]}

    assert holds({"files": [{"name": "a.log", "size": 3, "is_inline": False}], "new": 1}, was)
    assert not holds({"files": [{"name": "a.log"}]}, was)
    assert not holds({"files": [{"name": "a.log", "size": None}]}, was)
    assert not holds({"files": []}, was)


def test_every_event_has_a_sample() -> None:
    assert {FURTHER.sub("", path.stem) for path in SAMPLES} == set(EVENT_TYPES)


def test_a_renamed_field_has_a_sample_of_before_and_one_of_since() -> None:
    renamed = {name: model.former_names() for name, model in EVENT_TYPES.items()}
    assert sum(map(bool, renamed.values())) > 70
    for event_type, former_names in renamed.items():
        before, since = FOLDER / f"{event_type}.json", FOLDER / f"{event_type}.2.json"
        if former_names and set(former_names.values()) <= sample(before)["value"].keys():
            assert not since.exists()  # the event came after the renaming
            since = before
        else:
            assert since.exists() is bool(former_names)
            assert not set(former_names.values()) & sample(before)["value"].keys()
        for former, name in former_names.items():
            assert sample(since)["value"][name] == sample(since)["value"][former]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_without_the_former_names_is_read_the_same(path: Path) -> None:
    """As a later version will publish it."""
    kept, value = record(path), sample(path)["value"]
    former_names = EVENT_TYPES[value["type"]].former_names()
    fields = {former_names.get(name, name): content for name, content in value.items()}

    assert decode(kept.headers, json.dumps(fields).encode()) == decode(kept.headers, kept.value)


def test_no_sample_was_touched_since_it_was_made() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    kept = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}

    assert kept == {path.name: sha256(path.read_bytes()).hexdigest() for path in SAMPLES}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_fills_every_field(path: Path) -> None:
    """An absent or null field would prove nothing about later versions."""
    content = sample(path)["value"]
    empty = [name for name, value in content.items() if value in (None, [], {}, "")]

    # A promise is made on a ticket or on an incident, never on both.
    assert empty in ([], ["incident_id"])
