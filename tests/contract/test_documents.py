"""The generated documents: valid by their own standards, and true."""

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pledge.events import ALL_EVENTS, Event, Topic
from pledge.events.spec.samples import kept_files

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
SAMPLES = ROOT / "tests" / "contract" / "samples"


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def document() -> Any:
    return load(REFERENCE / "asyncapi.json")


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def follow(document: Any, reference: str) -> Any:
    assert reference.startswith("#/")
    for step in reference[2:].split("/"):
        document = document[step]
    return document


@pytest.mark.filterwarnings("ignore:Field name:UserWarning")
def test_asyncapi_document_is_valid_3_0(document: Any) -> None:
    """The model refuses fields that the specification does not name."""
    model = import_module("asyncapi3.models").AsyncAPI3

    assert document["asyncapi"] == "3.0.0"
    assert model.model_validate(document).info.title == "Pledge events"


def test_every_reference_leads_somewhere(document: Any) -> None:
    found = set(references(document))

    assert len(found) > 2 * len(ALL_EVENTS)
    for reference in found:
        assert follow(document, reference)


def test_every_event_is_a_message_of_its_topic_alone(document: Any) -> None:
    said = {
        (channel["address"], name)
        for channel in document["channels"].values()
        for name in channel["messages"]
    }

    assert said == {(model.TOPIC.value, model.__name__) for model in ALL_EVENTS}


def test_every_topic_has_a_publisher_and_can_be_received(document: Any) -> None:
    said = sorted(
        (follow(document, operation["channel"]["$ref"])["address"], operation["action"])
        for operation in document["operations"].values()
    )

    assert said == sorted(
        (topic.value, action) for topic in Topic for action in ("receive", "send")
    )


@pytest.mark.parametrize("model", ALL_EVENTS, ids=lambda model: model.__name__)
class TestEveryEvent:
    def test_its_schema_is_a_schema_and_holds_for_its_sample(self, model: type[Event]) -> None:
        schema = load(REFERENCE / "schemas" / f"{model.TYPE}.json")
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for path in kept_files(SAMPLES, model):
            content = load(path)["value"]
            validator.validate(content)
            assert not validator.is_valid({**content, "type": "pledge.other.v1"})
            assert not validator.is_valid({**content, "occurred_at": 7})
            for name in schema["required"]:
                assert not validator.is_valid({key: content[key] for key in content if key != name})

    def test_a_former_name_is_deprecated_and_enough_where_a_name_is_required(
        self, model: type[Event]
    ) -> None:
        schema = load(REFERENCE / "schemas" / f"{model.TYPE}.json")
        content = load(kept_files(SAMPLES, model)[-1])["value"]
        for former, name in model.former_names().items():
            assert schema["properties"][former]["deprecated"]
            assert not schema["properties"][name].get("deprecated")
            without = [
                {key: content[key] for key in content if key not in left_out}
                for left_out in ({former}, {name}, {former, name})
            ]
            is_required = model.model_fields[name].is_required()
            assert [Draft202012Validator(schema).is_valid(each) for each in without] == [
                True,
                True,
                not is_required,
            ]

    def test_the_asyncapi_example_holds_for_payload_and_headers(
        self, model: type[Event], document: Any
    ) -> None:
        message = document["components"]["messages"][model.__name__]
        trait = follow(document, message["traits"][0]["$ref"])["headers"]
        common = trait["properties"]
        headers = {**trait, "properties": {**common, **message["headers"]["properties"]}}
        payload = {**message["payload"], "components": document["components"]}
        (example,) = message["examples"]

        assert Draft202012Validator(payload).is_valid(example["payload"])
        Draft202012Validator(headers).validate(example["headers"])
        assert not Draft202012Validator(headers).is_valid({**example["headers"], "ce_type": "x"})
