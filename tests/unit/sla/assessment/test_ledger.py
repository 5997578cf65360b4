"""What a transaction publishes and writes, without a broker or a database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic_core import from_json

from integration.sla.acme import ACME
from integration.sla.stories import MONDAY, Story, minutes
from pledge.events import Decoded, PromiseBreached, decode
from pledge.events.ticket import TicketEvent
from pledge.runtime.records import Message, Partition
from sla.assessment.ledger import Ledger
from sla.assessment.policy_registry import Policies
from sla.desk_file.calendar_data import zone_file
from sla.desk_file.read import read_text
from sla.domain.facts import fact_from_event
from sla.domain.values import State
from sla.storage.policy_versions import Version
from sla.storage.rows import Rows
from sla.storage.ticket_cache import Cause, Ticket

HOME = Partition("ticket.events.v1", 0)
LATE = timedelta(seconds=1)


class LedgerTester:
    """Tickets as committed; each `work` is one transaction."""

    def __init__(self) -> None:
        self.policies = Policies()
        self.policies.add(read_text(ACME, Path("acme/sla.yaml")))
        self.known: dict[UUID, Ticket] = {}
        self.messages: list[Message] = []
        self.rows = Rows()  # of the transaction committed last

    def ledger(self, now: datetime) -> Ledger:
        return Ledger(self.known, self.policies, now=now, late_after=LATE)

    def apply(self, messages: Iterable[Message], now: datetime) -> Ledger:
        ledger = self.ledger(now)
        for message in messages:
            decoded = decode(message.headers, message.value)
            assert isinstance(decoded, Decoded)
            event = decoded.event
            assert isinstance(event, TicketEvent)
            sequence = decoded.envelope.sequence or 0
            ticket = ledger.ticket(event.ticket_id) or self._new(event)
            fact = fact_from_event(from_json(message.value or b""), sequence)
            ledger.add_fact(ticket, fact, (message.value or b"").decode(), decoded.envelope)
        return self.commit(ledger)

    def fire(self, now: datetime, *, is_provisional: bool = False) -> Ledger:
        ledger = self.ledger(now)
        for ticket in self.known.values():
            if ticket.wake_at is not None and ticket.wake_at <= now:
                ledger.fire(ticket, now, is_provisional=is_provisional)
        return self.commit(ledger)

    def commit(self, ledger: Ledger) -> Ledger:
        self.rows = ledger.rows()
        for ticket in ledger.tickets():
            self.known[ticket.ticket_id] = ticket
        self.messages += ledger.messages
        return ledger

    def _new(self, event: TicketEvent) -> Ticket:
        policy = self.policies.for_opening("acme", MONDAY)
        assert policy is not None
        cause = Cause("c", "c", None)
        return Ticket(event.ticket_id, HOME, "acme", event.number, policy.version, 0, cause)

    def said(self) -> list[str]:
        found = [decode(each.headers, each.value) for each in self.messages]
        return [
            f"{each.event.type.split('.')[2]} {getattr(each.event, 'metric', '')}"
            for each in found
            if isinstance(each, Decoded)
        ]


def interleaved(stories: Sequence[Story]) -> list[Message]:
    longest = max(len(each.messages) for each in stories)
    return [
        each.messages[number]
        for number in range(longest)
        for each in stories
        if number < len(each.messages)
    ]


def some_stories() -> list[Story]:
    return [
        Story(1).opened().noted(1).attempted(5).resolved(40),
        Story(2).opened(severity="p2").triaged(3, "p1").attempted(20),
        Story(3).opened().waiting(5).noted(90).attempted(100),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_what_is_published_does_not_depend_on_how_facts_are_batched(size: int) -> None:
    messages = interleaved(some_stories())
    now = MONDAY + timedelta(hours=2)
    whole, pieces = LedgerTester(), LedgerTester()
    whole.apply(messages, now)
    for start in range(0, len(messages), size):
        pieces.apply(messages[start : start + size], now)
    assert pieces.messages == whole.messages
    assert pieces.known == whole.known


def test_order_between_tickets_changes_nothing_for_each_of_them() -> None:
    now = MONDAY + timedelta(hours=2)
    mixed, apart = LedgerTester(), LedgerTester()
    mixed.apply(interleaved(some_stories()), now)
    for story in reversed(some_stories()):
        apart.apply(story.messages, now)
    assert sorted(mixed.messages, key=repr) == sorted(apart.messages, key=repr)


def test_sequences_count_per_topic_without_gaps() -> None:
    tester = LedgerTester()
    story = Story().opened()
    tester.apply(story.messages, MONDAY)
    tester.fire(MONDAY + minutes(24))
    tester.fire(MONDAY + minutes(30))
    tester.apply([story.attempted(20, known_after=40).last], MONDAY + minutes(40))
    by_topic: dict[str, list[bytes]] = {}
    for message in tester.messages:
        by_topic.setdefault(message.topic, []).append(dict(message.headers)["ce_sequence"] or b"")
    assert by_topic["sla.breaches.v1"] == [b"1", b"2"]
    numbers = by_topic["sla.events.v1"]
    assert numbers == [str(n).encode() for n in range(1, len(numbers) + 1)]
    ids = [dict(message.headers)["ce_id"] for message in tester.messages]
    assert len(set(ids)) == len(ids)


def test_fact_read_late_does_not_make_a_breach_of_what_is_not_known_yet() -> None:
    """It lags by hours: the note is read, the answer right behind it is not."""
    tester = LedgerTester()
    story = Story().opened().noted(10).attempted(20)
    now = MONDAY + timedelta(hours=5)
    tester.apply(story.messages[:2], now)
    assert not [each for each in tester.said() if each.startswith("breached")]
    tester.apply(story.messages[2:], now)
    assert "met first_response" in tester.said()


def test_fact_after_the_due_instant_shows_the_breach() -> None:
    tester = LedgerTester()
    tester.apply(Story().opened().noted(31).messages, MONDAY + minutes(31))
    assert tester.said()[-1] == "breached first_response"


def test_note_alone_writes_a_fact_and_says_nothing() -> None:
    tester = LedgerTester()
    story = Story().opened()
    tester.apply(story.messages, MONDAY)
    ledger = tester.apply([story.noted(1).last], MONDAY + minutes(1))
    rows = tester.rows
    assert (len(rows.facts), len(rows.changed_tickets), ledger.messages) == (1, 1, [])
    assert rows.new_timers == rows.changed_timers == []


def test_firing_twice_says_nothing_the_second_time() -> None:
    tester = LedgerTester()
    tester.apply(Story().opened().messages, MONDAY)
    tester.fire(MONDAY + minutes(31))
    before = list(tester.messages)
    for ticket in tester.known.values():
        ledger = tester.ledger(MONDAY + minutes(31))
        ledger.fire(ticket, ledger.now, is_provisional=False)
        tester.commit(ledger)
    assert tester.messages == before


def test_breach_is_marked_late_and_provisional_as_it_was_noticed() -> None:
    tester = LedgerTester()
    tester.apply(Story().opened().messages, MONDAY)
    tester.fire(MONDAY + minutes(31), is_provisional=True)
    (breach,) = tester.rows.breaches
    assert (breach.is_late, breach.is_provisional) == (True, True)
    data = from_json(tester.messages[-1].value or b"")
    assert (data["is_late"], data["is_provisional"]) == (True, True)


def test_breach_found_by_a_correction_says_when_it_happened_and_when_it_was_done() -> None:
    tester = LedgerTester()
    story = Story().opened(severity="p3").attempted(120).triaged(200, "p1")
    tester.apply(story.messages, MONDAY + minutes(200))
    (breach,) = tester.rows.breaches
    assert (breach.due_at, breach.detected_at) == (
        MONDAY + minutes(30),
        MONDAY + minutes(200),
    )
    found = [decode(each.headers, each.value) for each in tester.messages]
    events = [each.event for each in found if isinstance(each, Decoded)]
    (said,) = [each for each in events if isinstance(each, PromiseBreached)]
    assert (said.breached_at, said.met_at) == (MONDAY + minutes(30), MONDAY + minutes(120))
    assert (said.severity, said.is_late) == ("p1", True)


def test_committed_tickets_are_not_changed_before_the_commit() -> None:
    tester = LedgerTester()
    story = Story().opened()
    tester.apply(story.messages, MONDAY)
    before = {key: ticket.draft() for key, ticket in tester.known.items()}
    ledger = tester.ledger(MONDAY + minutes(40))
    for ticket in tester.known.values():
        ledger.fire(ticket, ledger.now, is_provisional=False)
    assert tester.known == before


def test_timer_started_and_met_in_one_batch_is_written_once() -> None:
    tester = LedgerTester()
    tester.apply(Story().opened().attempted(5).messages, MONDAY + minutes(5))
    assert [(row.metric, row.state) for row in tester.rows.new_timers] == [
        ("first_response", "met"),
        ("resolution", "running"),
    ]
    assert tester.rows.changed_timers == []


def test_ticket_of_a_desk_without_promises_is_kept_without_timers() -> None:
    tester = LedgerTester()
    ledger = tester.ledger(MONDAY)
    message = Story(desk="nowhere").opened().last
    decoded = decode(message.headers, message.value)
    assert isinstance(decoded, Decoded)
    ticket = Ticket(UUID(int=1), HOME, "nowhere", "N-1", None, 0, Cause("c", "c", None))
    fact = fact_from_event(from_json(message.value or b""), 1)
    ledger.add_fact(ticket, fact, "{}", decoded.envelope)
    assert ledger.messages == []
    assert len(ledger.rows().new_tickets) == 1


@pytest.mark.parametrize("size", [1, 2])
def test_a_breach_taken_back_and_broken_again_stands_however_facts_are_batched(size: int) -> None:
    story = Story().opened()
    tester = LedgerTester()
    tester.apply(story.messages, MONDAY)
    tester.fire(MONDAY + minutes(31))
    again = story.triaged(32, "p2").triaged(33, "p1").messages[1:]
    for start in range(0, len(again), size):
        tester.apply(again[start : start + size], MONDAY + minutes(40))
    published = [each for each in tester.said() if each.endswith("first_response")]
    assert published.count("breached first_response") == 2
    assert published.count("breach_retracted first_response") == 1
    assert tester.rows.retractions == []
    assert len(tester.rows.breaches) == 1


def test_row_of_a_breached_timer_says_when_it_was_met_at_last() -> None:
    story = Story(1).opened().attempted(40).attempted(20, known_after=50)
    tester = LedgerTester()
    tester.apply(story.messages[:1], MONDAY + minutes(31))
    tester.fire(MONDAY + minutes(31))
    assert tester.said()[-1] == "breached first_response"
    tester.apply([story.messages[1]], MONDAY + minutes(41))
    (row,) = tester.rows.changed_timers
    assert (row.state, row.met_at) == ("breached", MONDAY + minutes(40))
    assert tester.said()[-1] == "breached first_response"
    tester.apply([story.messages[2]], MONDAY + minutes(51))
    (row,) = tester.rows.changed_timers
    assert (row.state, row.met_at) == ("met", MONDAY + minutes(20))


def test_late_fact_that_only_an_earlier_version_knows_retracts_its_breach() -> None:
    tester, story = LedgerTester(), Story(1).opened()
    tester.apply(story.messages, MONDAY)
    tester.fire(MONDAY + minutes(30))
    text = ACME.replace("meets: [agent_replied, contact_attempted]", "meets: agent_replied")
    file = read_text(text, Path("acme/sla.yaml"))
    newer = file.policy
    assert "contact_attempted" not in newer.effects
    tester.policies.add(file)
    (ticket,) = tester.known.values()
    ledger = tester.ledger(MONDAY + minutes(40))
    ledger.take_over(ticket, newer, MONDAY + minutes(40))
    tester.commit(ledger)
    before = len(tester.said())
    tester.apply([story.attempted(20, known_after=60).last], MONDAY + minutes(60))
    assert tester.said()[before:] == ["breach_retracted first_response", "met first_response"]


def revised(tester: LedgerTester, zone: str, since: datetime) -> None:
    """The desk's text by other data of the zone Toronto, recorded at `since`."""
    policies, path = tester.policies, Path("acme/sla.yaml")
    data = policies.files["acme"].calendar_data
    new = read_text(ACME, path, replace(data, zones={"America/Toronto": zone_file(zone)}))
    versions = [
        Version(
            "acme",
            each.policy.version,
            MONDAY,
            ACME,
            is_superseded=False,
            text_version=each.text_version,
            calendar_data=each.calendar_data.text(),
            recorded_at=at,
        )
        for each, at in ((policies.files["acme"], MONDAY), (new, since))
    ]
    policies.know(versions)


@pytest.mark.parametrize("is_heard_of", [True, False])
def test_breach_by_old_calendar_data_is_not_published_or_taken_back(is_heard_of: bool) -> None:
    """An hour of office time is up at noon in Toronto; in Honolulu it has not begun by then."""
    tester, story = LedgerTester(), Story(1).opened(severity="p2")
    tester.apply(story.messages, MONDAY)
    since = MONDAY + minutes(30)
    if is_heard_of:
        revised(tester, "Pacific/Honolulu", since)
    tester.fire(MONDAY + minutes(61))
    if not is_heard_of:
        assert tester.said()[-1] == "breached first_response"
        revised(tester, "Pacific/Honolulu", since)
        (ticket,) = tester.known.values()
        ledger = tester.ledger(MONDAY + minutes(62))
        ledger.revise(ticket, MONDAY + minutes(62))
        tester.commit(ledger)
        assert "breach_retracted first_response" in tester.said()
    assert tester.said().count("breached first_response") == (0 if is_heard_of else 1)
    (ticket,) = tester.known.values()
    published = {each.metric: each for each in ticket.published.timers}
    assert published["first_response"].state is State.RUNNING
    again = tester.ledger(MONDAY + minutes(63))
    assert again.revise(ticket, MONDAY + minutes(63)) == ()


def test_breach_from_before_the_new_data_stays_on_record() -> None:
    tester, story = LedgerTester(), Story(1).opened(severity="p2")
    tester.apply(story.messages, MONDAY)
    tester.fire(MONDAY + minutes(61))
    assert tester.said()[-1] == "breached first_response"
    revised(tester, "Pacific/Honolulu", MONDAY + minutes(100))
    (ticket,) = tester.known.values()
    ledger = tester.ledger(MONDAY + minutes(101))
    ledger.revise(ticket, MONDAY + minutes(101))
    tester.commit(ledger)
    assert "breach_retracted first_response" not in tester.said()
    (ticket,) = tester.known.values()
    (earlier,) = ticket.earlier
    assert ("first_response", 1) in earlier.settled
