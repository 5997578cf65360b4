"""What is published of a timer, in which order, and never twice."""

from __future__ import annotations

from dataclasses import dataclass, field

from sla.domain.changes import diff
from sla.domain.values import Change, Difference, PublishedState, State
from support.sla_cases import Story, desk, instant

EASTERN = "America/New_York"


@dataclass
class Desk:
    """Facts come and timers fire; the published state is kept."""

    story: Story
    published: PublishedState = field(default_factory=PublishedState)
    last: Difference | None = None

    def look(self, at: str) -> list[str]:
        """The changes at an instant, for the metrics under test."""
        self.last = diff(self.published, self.story.assess(), instant(at, EASTERN))
        self.published = self.last.published
        return [_words(change) for change in self.last.changes]

    def then(self, fact: str, at: str, recorded: str | None = None, **data: object) -> list[str]:
        self.story.then(fact, at, recorded=recorded, **data)
        return self.look(recorded or at)

    @property
    def wakes(self) -> str | None:
        assert self.last is not None
        return self.story.local(self.last.wake_at)


def _words(change: Change) -> str:
    return f"{change.metric} {change.kind.value} {change.reason}"


def a_p1() -> tuple[Desk, list[str]]:
    found = Desk(Story(desk("vircom"), EASTERN).opened("2026-03-02 09:00", severity="p1"))
    return found, found.look("2026-03-02 09:00")


def test_opening_starts_both_timers_and_wakes_for_the_first_warning() -> None:
    ticket, changes = a_p1()
    assert changes == ["first_response started opened", "resolution started opened"]
    assert ticket.wakes == "2026-03-02 09:22:30", "75 % of half an hour"
    assert ticket.look("2026-03-02 09:00") == []


def test_warning_then_breach_each_at_its_instant_and_once() -> None:
    ticket, _ = a_p1()
    assert ticket.look("2026-03-02 09:22:30") == ["first_response at_risk 75_percent_used"]
    assert ticket.wakes == "2026-03-02 09:30"
    assert ticket.look("2026-03-02 09:30") == ["first_response breached not_met_by_due"]
    assert ticket.last is not None
    assert ticket.story.local(ticket.last.changes[0].occurred_at) == "2026-03-02 09:30"
    assert ticket.look("2026-03-02 09:45") == []


def test_breach_noticed_late_still_occurred_when_it_was_due() -> None:
    ticket, _ = a_p1()
    assert ticket.look("2026-03-02 11:00") == ["first_response breached not_met_by_due"]
    assert ticket.last is not None
    assert ticket.story.local(ticket.last.changes[0].occurred_at) == "2026-03-02 09:30"


def test_reaction_in_time_is_met_and_nothing_is_due_any_more() -> None:
    ticket, _ = a_p1()
    changes = ticket.then("contact_attempted", "2026-03-02 09:10", channel="phone", reached=True)
    assert changes == ["first_response met contact_attempted"]
    assert ticket.look("2026-03-02 09:50") == []


def test_reaction_after_the_due_instant_tells_the_breach_and_no_meeting() -> None:
    ticket, _ = a_p1()
    changes = ticket.then("contact_attempted", "2026-03-02 09:31", channel="phone", reached=True)
    assert changes == ["first_response breached met_after_due"]
    assert ticket.look("2026-03-02 09:50") == []


def test_call_logged_late_retracts_the_breach_it_disproves() -> None:
    ticket, _ = a_p1()
    ticket.look("2026-03-02 09:30")
    changes = ticket.then(
        "contact_attempted", "2026-03-02 09:20", recorded="2026-03-02 10:20", channel="phone"
    )
    assert changes == [
        "first_response breach_retracted met_in_time",
        "first_response met contact_attempted",
    ]
    assert ticket.last is not None
    retracted, met = ticket.last.changes
    assert ticket.story.local(retracted.due_at) == "2026-03-02 09:30"
    assert ticket.story.local(met.occurred_at) == "2026-03-02 09:20"


def test_downgrade_after_the_breach_retracts_it_and_the_softer_promise_runs() -> None:
    ticket, _ = a_p1()
    ticket.look("2026-03-02 09:30")
    changes = ticket.then("triaged", "2026-03-02 09:40", severity="p3")
    assert changes == [
        "first_response breach_retracted severity_changed",
        "first_response rescheduled severity_changed",
        "resolution rescheduled severity_changed",
    ]
    assert "first_response breached not_met_by_due" in ticket.look("2026-03-02 13:00")


def test_upgrade_of_what_was_answered_tells_the_breach_when_it_was_due() -> None:
    ticket = Desk(Story(desk("vircom"), EASTERN).opened("2026-03-02 09:00", severity="p3"))
    ticket.look("2026-03-02 09:00")
    assert ticket.then("agent_replied", "2026-03-02 12:00") == ["first_response met agent_replied"]
    changes = ticket.then("triaged", "2026-03-02 12:30", severity="p1")
    assert changes == [
        "first_response breached met_after_due",
        "resolution rescheduled severity_changed",
        "resolution at_risk 75_percent_used",
    ]
    assert ticket.last is not None
    assert ticket.story.local(ticket.last.changes[0].occurred_at) == "2026-03-02 09:30"
    assert ticket.then("triaged", "2026-03-02 12:40", severity="p3") == [
        "first_response breach_retracted severity_changed",
        "first_response met agent_replied",
        "resolution rescheduled severity_changed",
    ]


def test_breach_of_a_promise_that_was_another_one_is_told_with_the_right_instant() -> None:
    ticket, _ = a_p1()
    ticket.look("2026-03-02 09:30")
    changes = ticket.then("triaged", "2026-03-02 10:30", severity="p2")
    assert changes == [
        "first_response breach_retracted severity_changed",
        "first_response breached not_met_by_due",
        "resolution rescheduled severity_changed",
    ]
    assert ticket.last is not None
    retracted, breached, _ = ticket.last.changes
    assert ticket.story.local(retracted.due_at) == "2026-03-02 09:30"
    assert ticket.story.local(breached.occurred_at) == "2026-03-02 10:00"


def test_what_is_out_of_scope_takes_its_breach_back_and_says_why() -> None:
    ticket, _ = a_p1()
    ticket.look("2026-03-02 09:30")
    changes = ticket.then("scope_decided", "2026-03-02 09:40", scope="out_of_scope")
    assert changes == [
        "first_response breach_retracted scope_changed",
        "first_response cancelled scope_changed",
        "resolution cancelled scope_changed",
    ]


def test_fact_from_before_the_firing_read_after_it_retracts_nothing() -> None:
    ticket, _ = a_p1()
    ticket.look("2026-03-02 09:30")
    # Recorded a moment before the timer fired, read after: `now` is then before the due instant.
    assert ticket.then("noted", "2026-03-02 09:29:59") == []


def test_pause_and_resumption_are_published_with_the_new_due_instant() -> None:
    ticket, _ = a_p1()
    ticket.then("contact_attempted", "2026-03-02 09:10", channel="phone", reached=True)
    assert ticket.then("customer_unavailable", "2026-03-02 10:00") == [
        "resolution paused customer_unavailable"
    ]
    assert ticket.wakes is None
    assert ticket.then("requester_replied", "2026-03-02 12:00") == [
        "resolution resumed requester_replied"
    ]
    assert ticket.wakes == "2026-03-02 14:00", "75 % of 4 hours, two of them waited"


def test_closing_cancels_and_reopening_starts_the_next_cycle() -> None:
    ticket, _ = a_p1()
    assert ticket.then("closed", "2026-03-02 09:10", reason="other") == [
        "first_response cancelled closed",
        "resolution cancelled closed",
    ]
    assert ticket.then("reopened", "2026-03-03 09:00") == [
        "first_response started reopened",
        "resolution started reopened",
    ]
    assert ticket.story.due("first_response", 2) == "2026-03-03 09:20", "20 minutes were left"


def test_cycle_that_a_late_fact_makes_vanish_is_taken_back() -> None:
    ticket = Desk(Story(desk("demo")).opened("2026-03-02 09:00:00", severity="normal"))
    ticket.story.zone = "UTC"
    ticket.look("2026-03-02 04:00:00")
    story = ticket.story
    story.then("agent_replied", "2026-03-02 09:00:05")
    story.then("requester_replied", "2026-03-02 09:01:00")
    end = "2026-03-02 04:05:00"
    assert "next_response breached not_met_by_due" in ticket.look(end)
    # It turns out that the ticket was closed before the requester wrote again.
    story.then("closed", "2026-03-02 09:00:30", recorded="2026-03-02 09:06:00", reason="other")
    assert [words for words in ticket.look(end) if words.startswith("next")] == [
        "next_response breach_retracted no_longer_applies",
        "next_response cancelled no_longer_applies",
    ]


def test_silence_is_announced_then_elapses_once() -> None:
    ticket = Desk(Story(desk("vircom"), EASTERN).opened("2026-06-01 09:00", severity="p2"))
    for hour in (10, 11, 12):
        ticket.then("contact_attempted", f"2026-06-01 {hour}:00", channel="phone", reached=False)
    assert "auto_close silence_warned silent" in ticket.look("2026-06-05 09:00")
    assert ticket.wakes == "2026-06-06 09:00"
    assert ticket.look("2026-06-06 09:00") == ["auto_close silence_elapsed silence_elapsed"]
    assert ticket.look("2026-06-09 09:00") == []
    assert ticket.wakes is None


def test_reply_ends_the_silence_that_was_announced() -> None:
    ticket = Desk(Story(desk("vircom"), EASTERN).opened("2026-06-01 09:00", severity="p2"))
    for hour in (10, 11, 12):
        ticket.then("contact_attempted", f"2026-06-01 {hour}:00", channel="phone", reached=False)
    ticket.look("2026-06-05 09:00")
    ticket.then("requester_replied", "2026-06-05 12:00")
    assert "auto_close silence_elapsed silence_elapsed" not in ticket.look("2026-06-20 09:00")
    assert ticket.published.silences == ()


def test_published_states_are_those_of_the_timers() -> None:
    ticket, _ = a_p1()
    ticket.look("2026-03-02 09:30")
    assert {one.metric: one.state for one in ticket.published.timers} == {
        "first_response": State.BREACHED,
        "resolution": State.RUNNING,
    }
