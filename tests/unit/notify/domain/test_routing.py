"""Routes: every one that matches counts, and nothing is sent twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from notify.domain.mail_limits import Refusal, refuse
from notify.domain.routing import (
    Condition,
    EmailRule,
    EmailWanted,
    Notice,
    PageWanted,
    Route,
    route,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOTICE = Notice(
    event="promise.breached",
    desk="demo",
    about="ticket-1",
    occurred_at=NOW,
    detected_at=NOW,
    severity="p1",
    metric="first_response",
    channel="email",
)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition(("promise.breached",)), True),
        (Condition(("ticket.opened",)), False),
        (Condition(("promise.breached",), severities=("p1", "p2")), True),
        (Condition(("promise.breached",), severities=("p3",)), False),
        (Condition(("promise.breached",), metrics=("resolution",)), False),
        (Condition(("promise.breached",), channels=("phone",)), False),
        (Condition(("promise.breached",), priorities=("urgent",)), False),
        (Condition(("promise.breached",), is_urgent=False), True),
        (Condition(("promise.breached",), is_urgent=True), False),
    ],
)
def test_all_that_a_condition_names_must_hold(condition: Condition, holds: bool) -> None:
    assert condition.holds(NOTICE) is holds


def test_route_may_ask_by_which_channels_the_requester_has_come_until_then() -> None:
    mailed_and_phoned = replace(NOTICE, contacted_by=("email", "phone"))
    asked = Condition(("promise.breached",), contacted_by=("phone", "sms"))
    assert asked.holds(mailed_and_phoned)
    assert not asked.holds(replace(NOTICE, contacted_by=("email",)))


@pytest.mark.parametrize(
    ("details", "complete", "entitled"),
    [
        ({"is_complete": True, "entitled": None}, True, True),
        ({"is_complete": False, "entitled": True}, False, True),
        ({"is_complete": True, "entitled": False}, True, False),
    ],
)
def test_an_opening_is_asked_whether_it_is_complete_and_entitled(
    details: dict[str, object], complete: bool, entitled: bool
) -> None:
    opening = replace(NOTICE, event="ticket.opened", details=details)
    assert Condition(("ticket.opened",), is_complete=True).holds(opening) is complete
    assert Condition(("ticket.opened",), is_entitled=True).holds(opening) is entitled
    assert Condition(("ticket.opened",), is_entitled=False).holds(opening) is not entitled


def test_overlapping_routes_tell_nobody_twice() -> None:
    any_breach = Condition(("promise.breached",))
    mail = EmailRule(("requester", "person:anna"), "breach")
    routes = (
        Route("first", any_breach, page="on-call", email=mail),
        Route("second", any_breach, page="on-call", email=EmailRule(("person:anna",), "breach")),
        Route("third", any_breach, page="managers"),
    )

    assert route(NOTICE, routes) == (
        PageWanted("first", "on-call"),
        EmailWanted("first", "requester", "breach"),
        EmailWanted("first", "person:anna", "breach"),
        PageWanted("third", "managers"),
    )


def test_what_no_route_names_tells_nobody() -> None:
    assert route(replace(NOTICE, event="timer.met"), (Route("r", Condition(("a",)), "p"),)) == ()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("rita@customer.example", None),
        (None, Refusal.NO_ADDRESS),
        ("", Refusal.NO_ADDRESS),
        ("rita", Refusal.BAD_ADDRESS),
        ("a@b\r\nBcc: c@d", Refusal.BAD_ADDRESS),
        ("Support@Demo.example", Refusal.OUR_OWN_ADDRESS),
        ("support+tag@demo.example", Refusal.OUR_OWN_ADDRESS),
        ("noreply@customer.example", Refusal.MACHINE_ADDRESS),
        ("Mailer-Daemon@customer.example", Refusal.MACHINE_ADDRESS),
        ("bounces-rita=x@list.example", Refusal.MACHINE_ADDRESS),
    ],
)
def test_automatic_mails_go_to_people_only(address: str | None, reason: Refusal | None) -> None:
    own = frozenset({"support@demo.example"})

    found = refuse(address, is_automatic=False, own_addresses=own, sent_lately=0, most=3)

    assert found is reason


def test_what_a_machine_wrote_is_not_answered_and_floods_are_braked() -> None:
    def refusal(*, is_automatic: bool, sent_lately: int) -> Refusal | None:
        return refuse(
            "rita@customer.example",
            is_automatic=is_automatic,
            own_addresses=frozenset(),
            sent_lately=sent_lately,
            most=3,
        )

    assert refusal(is_automatic=True, sent_lately=0) is Refusal.AUTOMATIC_SENDER
    assert refusal(is_automatic=False, sent_lately=2) is None
    assert refusal(is_automatic=False, sent_lately=3) is Refusal.TOO_MANY


def test_what_is_held_pages_nobody_and_is_mailed_all_the_same() -> None:
    lines = (
        Route("page", Condition(("promise.breached",)), page="on-call"),
        Route("mail", Condition(("promise.breached",)), email=EmailRule(("requester",), "x")),
    )
    assert [type(each) for each in route(NOTICE, lines)] == [PageWanted, EmailWanted]
    held = replace(NOTICE, is_page_held=True)
    assert [type(each) for each in route(held, lines)] == [EmailWanted]
