"""Laws of the codec: it is total, it loses nothing, and its ids are stable."""

import json
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

import hypothesis.strategies as st
from hypothesis import given, settings
from pydantic import AwareDatetime, BaseModel

from pledge.events import (
    ALL_EVENTS,
    EVENT_TYPES,
    Decoded,
    Envelope,
    Event,
    Malformed,
    MalformedReason,
    PromiseEvent,
    TicketOpened,
    Unknown,
    caused_by,
    decode,
    derived_id,
    encode,
    originate,
    storable,
)
from pledge.events.spec.samples import sample_of

Header = tuple[str, bytes | None]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
instants = st.datetimes(
    min_value=datetime.fromisoformat("1990-01-02"),
    max_value=datetime.fromisoformat("2199-12-30"),
    timezones=st.timezones(),
).map(lambda instant: instant.astimezone(UTC))
scalars: dict[Any, st.SearchStrategy[Any]] = {
    str: texts,
    bool: st.booleans(),
    int: st.integers(1, 5),
    float: st.floats(0, 1),
    UUID: st.uuids(),
    AwareDatetime: instants,
    timedelta: st.timedeltas(timedelta(0), timedelta(days=30)),
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a field of a contract class, by its type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, UnionType):
        return st.one_of(*(values(one) for one in arguments))
    if origin is tuple:
        return st.lists(values(arguments[0]), min_size=1, max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(texts, texts, max_size=3)
    if hasattr(annotation, "__metadata__"):
        return values(annotation.__origin__)
    if annotation is type(None):
        return st.none()
    if issubclass(annotation, BaseModel):
        return contents(annotation).map(annotation.model_validate)
    return scalars[annotation]


def contents(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: values(field.annotation) for name, field in model.model_fields.items()}
    if "desk" in fields:
        fields["desk"] = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
    for name in {"delivery", "conversation"} & fields.keys():
        fields[name] = texts.filter(bool)
    return st.fixed_dictionaries(fields)


def events(model: type[Event]) -> st.SearchStrategy[Event]:
    def made(content: dict[str, Any]) -> Event:
        if issubclass(model, PromiseEvent):
            ticket = content["ticket_id"]
            content["incident_id"] = None if ticket else content["incident_id"] or UUID(int=1)
        if "breached_at" in content:
            content["breached_at"] = content["due_at"]
        return model.model_validate(content)

    return contents(model).map(made)


all_events = st.sampled_from(ALL_EVENTS).flatmap(events)
some_ids = st.uuids().map(str)
good = sample_of(TicketOpened)
good_record = encode(good, originate(good, source="/intake", id="id-1", sequence=1))


def is_settled(headers: list[Header], value: bytes | None) -> bool:
    """`decode` came to one of its three ends, and the bad one can be kept in a database."""
    try:
        return isinstance(decode(headers, value), Decoded | Unknown)
    except Malformed as error:
        return storable(error.detail) == error.detail and error.reason in MalformedReason


@settings(max_examples=200)
@given(all_events, some_ids, st.none() | st.integers(1, 10**17), some_ids)
def test_every_event_survives_the_bus(
    event: Event, own_id: str, sequence: int | None, story: str
) -> None:
    envelope = originate(
        event, source="/intake", id=own_id, sequence=sequence, correlation_id=story
    )

    record = encode(event, envelope)

    assert decode(record.headers, record.value) == Decoded(envelope, event)
    assert record.key == event.partition_key().encode()


@given(all_events, st.dictionaries(texts, texts | st.integers() | st.lists(texts), max_size=4))
def test_fields_of_a_later_version_change_nothing(event: Event, later: dict[str, Any]) -> None:
    record = encode(event, originate(event, source="/intake", id="id-1"))
    content = json.loads(record.value)

    value = json.dumps({**later, **content}).encode()

    decoded = decode(record.headers, value)
    assert isinstance(decoded, Decoded)
    assert decoded.event == event


@settings(max_examples=400)
@given(
    st.lists(st.tuples(st.text(max_size=12), st.none() | st.binary(max_size=40)), max_size=12),
    st.none() | st.binary(max_size=200),
)
def test_decoding_any_bytes_comes_to_an_end_it_announces(
    headers: list[Header], value: bytes | None
) -> None:
    assert is_settled(headers, value)


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(EVENT_TYPES)),
    st.dictionaries(
        st.sampled_from([name for name, _ in good_record.headers if name != "ce_type"]),
        st.none() | st.binary(max_size=40) | st.text(max_size=40).map(str.encode),
        max_size=3,
    ),
    st.one_of(
        st.none(),
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ).map(lambda content: json.dumps(content).encode()),
    ),
)
def test_decoding_a_known_type_with_anything_in_it_comes_to_an_end(
    type_name: str, broken: dict[str, bytes | None], value: bytes | None
) -> None:
    headers = {**dict(good_record.headers), "ce_type": type_name.encode(), **broken}

    assert is_settled(list(headers.items()), value)


@settings(max_examples=400)
@given(st.data())
def test_decoding_a_damaged_record_comes_to_an_end(data: st.DataObject) -> None:
    value = bytearray(good_record.value)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(value)))
        piece = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"\\u0000", b"\\ud83d", b"\\", b'"', b"\0"])
        )
        value[start : start + data.draw(st.integers(0, 8))] = piece

    assert is_settled(list(good_record.headers), bytes(value))


@given(st.text(max_size=60))
def test_any_text_can_be_made_to_fit(text: str) -> None:
    """Also NUL and half pairs, which `st.text` gives on purpose."""
    event = good.model_copy(update={"text": storable(text)})
    record = encode(event, originate(event, source="/intake", id="id-1"))

    decoded = decode(record.headers, record.value)

    assert isinstance(decoded, Decoded)
    assert decoded.event == event
    assert storable(storable(text)) == storable(text)


@given(st.text(st.characters(exclude_categories=[]), max_size=60))
def test_half_pairs_are_refused_before_they_are_published_or_made_to_fit(text: str) -> None:
    event = good.model_copy(update={"text": text})
    is_storable = storable(text) == text

    try:
        encode(event, originate(event, source="/intake", id="id-1"))
    except Malformed:
        assert not is_storable
    else:
        assert is_storable


@given(some_ids, some_ids, st.integers(0, 50), st.integers(0, 50))
def test_derived_ids_are_stable_and_differ(
    first: str, second: str, position: int, other: int
) -> None:
    assert derived_id(first, position) == derived_id(first, position)
    assert (derived_id(first, position) == derived_id(second, other)) == (
        (first, position) == (second, other)
    )


@given(all_events, some_ids, st.integers(0, 5), st.integers(1, 99))
def test_a_replay_gives_the_same_records(
    event: Event, cause_id: str, position: int, sequence: int
) -> None:
    cause = originate(good, source="/intake", id=cause_id)

    def again() -> Envelope:
        return caused_by(event, cause, position, source="/sla", sequence=sequence)

    assert encode(event, again()) == encode(event, again())
