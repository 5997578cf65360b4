"""The rules that hold for every event of the contract, and those of single ones."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from pydantic import ValidationError

from pledge.events import (
    ALL_EVENTS,
    EVENT_TYPES,
    EXCERPT_LENGTH,
    MAX_RECIPIENTS,
    OWNERS,
    SUBJECT_LENGTH,
    ChannelEvent,
    Event,
    PageResolved,
    PromiseBreached,
    TicketOpened,
    TimerStarted,
    Topic,
    UpdateAddressed,
    dead_letter,
)
from pledge.events.spec.samples import sample_of


def subclasses(model: type[Event]) -> set[type[Event]]:
    found = set(model.__subclasses__())
    return found.union(*(subclasses(one) for one in found)) if found else found


@pytest.mark.parametrize("model", ALL_EVENTS, ids=lambda model: model.__name__)
class TestEveryEvent:
    def test_its_type_is_a_noun_a_past_verb_and_a_version(self, model: type[Event]) -> None:
        assert re.fullmatch(r"pledge\.[a-z]+\.[a-z]+(_[a-z]+)*\.v[1-9][0-9]*", model.TYPE)
        assert model.model_fields["type"].default == model.TYPE

    def test_it_has_a_topic_and_a_description(self, model: type[Event]) -> None:
        assert isinstance(model.TOPIC, Topic)
        assert model.__doc__
        assert model.__doc__ != Event.__doc__

    def test_its_key_keeps_the_order_of_its_subject(self, model: type[Event]) -> None:
        event = sample_of(model)
        assert event.partition_key() == event.subject()
        assert event.subject() not in {"", "None"}

    def test_it_is_immutable(self, model: type[Event]) -> None:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(sample_of(model), "desk", "other")  # noqa: B010 - mypy knows it cannot be

    def test_of_checked_values_it_is_what_validation_makes_of_them(
        self, model: type[Event]
    ) -> None:
        event = sample_of(model)
        values = {name: getattr(event, name) for name in event.model_fields_set}

        made = model.of_checked(values)

        assert made == event
        assert made.model_dump_json() == event.model_dump_json()
        assert made.model_fields_set == event.model_fields_set
        with pytest.raises(ValueError, match="lacks desk"):
            model.of_checked({name: value for name, value in values.items() if name != "desk"})

    def test_its_required_fields_are_enough(self, model: type[Event]) -> None:
        content = sample_of(model).model_dump(mode="json")
        required = {name for name, field in model.model_fields.items() if field.is_required()}
        enough = {name: content[name] for name in required | ({"ticket_id"} & content.keys())}

        event = model.model_validate_json(json.dumps(enough), strict=True)

        assert {"desk", "occurred_at", "recorded_at"} <= required
        assert model.model_validate_json(event.model_dump_json(), strict=True) == event


def test_every_event_class_is_in_the_registry_once() -> None:
    leaves = {model for model in subclasses(Event) if not model.__subclasses__() and model.TYPE}

    assert leaves == set(ALL_EVENTS)
    assert len(EVENT_TYPES) == len(ALL_EVENTS)


def test_every_topic_has_events_an_owner_and_a_dead_letter_topic() -> None:
    assert {model.TOPIC for model in ALL_EVENTS} == set(Topic) == set(OWNERS)
    assert dead_letter(Topic.SLA_BREACHES) == "sla.breaches.v1.dlq"


def test_instants_are_utc_whatever_zone_they_came_in() -> None:
    noon = datetime(2026, 3, 2, 12, 0, tzinfo=timezone(timedelta(hours=-5)))

    event = TimerStarted.model_validate({**dict(sample_of(TimerStarted)), "due_at": noon})

    assert event.due_at == noon
    assert event.due_at.tzinfo is UTC


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        TimerStarted.model_validate(
            {**dict(sample_of(TimerStarted)), "due_at": datetime(2026, 3, 2)}  # noqa: DTZ001
        )


def test_conversations_of_two_desks_have_different_keys() -> None:
    for model in (model for model in ALL_EVENTS if issubclass(model, ChannelEvent)):
        event = sample_of(model)
        other = event.model_copy(update={"desk": "demo"})
        assert event.partition_key() != other.partition_key()


def test_a_long_mail_is_cut_for_the_ticket_and_never_refused() -> None:
    ticket = sample_of(TicketOpened)

    opened = TicketOpened.model_validate(
        {**dict(ticket), "text": "é" * 2 * EXCERPT_LENGTH, "subject_line": "x" * 9000}
    )

    assert opened.text == "é" * (EXCERPT_LENGTH - 1) + "…"
    assert len(opened.subject_line) == SUBJECT_LENGTH  # in full, but for what nobody writes


@pytest.mark.parametrize("both", [True, False])
def test_a_promise_is_made_on_one_thing(both: bool) -> None:
    some = UUID(int=1) if both else None
    changed = {**dict(sample_of(PromiseBreached)), "ticket_id": some, "incident_id": some}

    with pytest.raises(ValidationError, match="either a ticket or an incident"):
        PromiseBreached.model_validate(changed)


def test_a_promise_on_an_incident_has_the_incident_as_subject() -> None:
    changed = {**dict(sample_of(TimerStarted)), "ticket_id": None, "incident_id": UUID(int=7)}

    assert TimerStarted.model_validate(changed).subject() == str(UUID(int=7))


def test_a_promise_breaks_when_it_is_due_and_at_no_other_instant() -> None:
    breach = sample_of(PromiseBreached)
    changed = {**dict(breach), "breached_at": breach.recorded_at}

    with pytest.raises(ValidationError, match="breached_at is due_at"):
        PromiseBreached.model_validate(changed)


def test_a_page_about_nothing_of_ours_is_its_own_subject() -> None:
    page = sample_of(PageResolved)
    alone = page.model_copy(update={"ticket_id": None, "incident_id": None})
    incident = page.model_copy(update={"ticket_id": None})

    assert page.subject() == str(page.ticket_id)
    assert incident.subject() == str(page.incident_id)
    assert alone.subject() == str(page.page_id)


def test_an_update_addresses_at_most_500_people() -> None:
    update = sample_of(UpdateAddressed)
    most = update.recipients * MAX_RECIPIENTS

    assert (
        len(UpdateAddressed.model_validate({**dict(update), "recipients": most}).recipients) == 500
    )
    with pytest.raises(ValidationError, match="at most 500"):
        UpdateAddressed.model_validate({**dict(update), "recipients": (*most, most[0])})


def test_a_breach_tells_people_what_was_promised() -> None:
    assert str(sample_of(PromiseBreached)) == (
        "pledge.promise.breached.v1 vircom VIR-10042 p1: "
        "first_response (30 minutes, round the clock), due 2026-03-02 14:35:07Z"
    )
