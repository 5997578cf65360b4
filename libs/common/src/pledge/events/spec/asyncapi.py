"""The AsyncAPI 3.0 document over all topics, from the event classes alone.

It describes the whole bus: for each topic the owner's `send`, and a `receive` for any subscriber.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pledge.events.codec import CONTENT_TYPE, MAX_VALUE_BYTES
from pledge.events.event import Event
from pledge.events.registry import ALL_EVENTS
from pledge.events.spec import samples, schemas
from pledge.events.topics import CHANNEL_TOPICS, Topic

BINDING_VERSION = "0.5.0"
"""Of the Kafka binding that the document is written for."""

Json = dict[str, Any]

_ABOUT = f"""Every event on the bus of Pledge: CloudEvents 1.0 over Kafka in binary mode. The
attributes are record headers, the value is JSON of at most {MAX_VALUE_BYTES} bytes with `type`
repeated in it.

Consumers ignore unknown types and unknown fields. `ce_sequence` counts per topic and subject from
1 without gaps; a record with a sequence not above the last one seen is a repetition. Gateways set
none, the field `delivery` makes their events recognisable.

Partitions, retention and sizes of the topics stand in `deploy/topics.yaml`."""


def document(sample_folder: Path, version: str) -> Json:
    """The whole document; `sample_folder` gives the examples."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:pledge:events",
        "info": {
            "title": "Pledge events",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"kafka": _server()},
        "channels": {_name(topic): _channel(topic) for topic in Topic},
        "operations": dict(pair for topic in Topic for pair in _operations(topic)),
        "components": {
            "messages": {model.__name__: _message(model, sample_folder) for model in ALL_EVENTS},
            "messageTraits": {"CloudEvent": _cloud_event()},
            "schemas": schemas.components(),
        },
    }


def events_of(topic: Topic) -> Iterable[type[Event]]:
    """The event classes of one topic, in reading order."""
    return (model for model in ALL_EVENTS if model.TOPIC is topic)


def first_line(model: type[Event]) -> str:
    """The docstring's first paragraph, on one line."""
    return " ".join((model.__doc__ or "").split("\n\n")[0].split())


def _name(topic: Topic) -> str:
    """The topic's name as AsyncAPI allows for ids: `sla-breaches-v1`."""
    return topic.value.replace(".", "-")


def _server() -> Json:
    return {
        "host": "{bootstrap}",
        "protocol": "kafka",
        "description": "KAFKA_BOOTSTRAP_SERVERS of the deployment.",
        "variables": {"bootstrap": {"default": "localhost:9092"}},
    }


def _channel(topic: Topic) -> Json:
    return {
        "address": topic.value,
        "title": topic.value,
        "description": f"{topic.purpose} Published by {topic.owner} alone.",
        "messages": {
            model.__name__: {"$ref": f"#/components/messages/{model.__name__}"}
            for model in events_of(topic)
        },
        "bindings": {"kafka": {"topic": topic.value, "bindingVersion": BINDING_VERSION}},
    }


def _operations(topic: Topic) -> Iterable[tuple[str, Json]]:
    name = _name(topic)
    channel = {"$ref": f"#/channels/{name}"}
    yield (
        f"publish-{name}",
        {
            "action": "send",
            "channel": channel,
            "title": f"{topic.owner} publishes to {topic.value}",
            "tags": [{"name": topic.owner}],
        },
    )
    yield (
        f"receive-{name}",
        {
            "action": "receive",
            "channel": channel,
            "title": f"A subscriber reads {topic.value}",
        },
    )


def _message(model: type[Event], sample_folder: Path) -> Json:
    sample = samples.record(sample_folder, model)
    return {
        "name": model.TYPE,
        "title": model.__name__,
        "summary": first_line(model),
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "headers": {"type": "object", "properties": {"ce_type": {"const": model.TYPE}}},
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "bindings": {"kafka": {"key": _key(model), "bindingVersion": BINDING_VERSION}},
        "traits": [{"$ref": "#/components/messageTraits/CloudEvent"}],
        "examples": [{"headers": sample["headers"], "payload": sample["value"]}],
    }


def _key(model: type[Event]) -> Json:
    text = "`desk/conversation`." if model.TOPIC in CHANNEL_TOPICS else "The same as `ce_subject`."
    return {"type": "string", "description": text}


def _cloud_event() -> Json:
    """The headers of every record. Fitted together with the message's own by merging (RFC 7396)."""
    properties: Json = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": _text("Unique with `ce_source`; the same in every replay."),
        "ce_source": _text("The service or gateway, such as `/sla`."),
        "ce_type": _text("The event's type and version."),
        "ce_time": {**_text("`occurred_at`, UTC."), "format": "date-time"},
        "ce_subject": _text("What it is about; also the record's key."),
        "ce_desk": _text("The desk's slug."),
        "ce_sequence": {
            **_text("Count per topic and subject, from 1; none from gateways."),
            "pattern": "^[1-9][0-9]{0,17}$",
        },
        "ce_correlationid": _text("Id of the event that began the story."),
        "ce_causationid": _text("Id of the event that this one answers."),
        "traceparent": _text("W3C trace context."),
        "content-type": {"const": CONTENT_TYPE},
    }
    optional = {"ce_sequence", "ce_correlationid", "ce_causationid", "traceparent", "content-type"}
    required = [name for name in properties if name not in optional]
    return {"headers": {"type": "object", "required": required, "properties": properties}}


def _text(description: str) -> Json:
    return {"type": "string", "minLength": 1, "description": description}


def render(content: Json) -> str:
    """JSON as it stands in a file: readable, the same in every run."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
