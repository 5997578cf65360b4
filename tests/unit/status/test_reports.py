"""When tickets open incidents by themselves."""

from dataclasses import replace

from status.domain.components import ComponentStatus
from status.domain.decisions import Board, Open, decide
from status.domain.incidents import Incident
from status.domain.reports import (
    Broken,
    Confirmed,
    Fact,
    Join,
    Linked,
    News,
    Report,
    Retracted,
    Rule,
    Trigger,
    hear,
    place,
)
from unit.status.builders import DEGRADED, MAJOR, NOON, a_component, opening

CRITICAL = Confirmed("critical", is_known=True)


def a_rule(
    *triggers: Trigger,
    key: str = "outage",
    metrics: frozenset[str] = frozenset(),
    only_confirmed: bool = False,
    status: ComponentStatus = MAJOR,
) -> Rule:
    return Rule(
        key=key,
        triggers=frozenset(triggers or [Trigger.CONFIRMED]),
        severities=frozenset({"critical"}),
        metrics=metrics,
        only_confirmed=only_confirmed,
        name="Outage",
        body="We know.",
        statuses={"api": status},
    )


def heard(*news: News, ticket: str = "t1", report: Report | None = None) -> Report:
    for one in news:
        topic = "breaches" if isinstance(one, Broken | Retracted) else "tickets"
        sequence = (report.heard.get(topic, 0) if report else 0) + 1
        report = hear(report, Fact(ticket, "demo", "DEM-1", topic, sequence, NOON, one))
    assert report is not None
    return report


def opened(command: object) -> Incident:
    assert isinstance(command, Open)
    incident = decide(None, command, Board([a_component("api")]), NOON).incident
    assert incident is not None
    return incident


def test_a_confirmed_critical_ticket_opens_an_incident() -> None:
    placement = place(heard(CRITICAL), [a_rule()], [], NOON)

    assert isinstance(placement, Open)
    assert placement.name == "Outage"
    assert placement.statuses == {"api": MAJOR}
    assert placement.started_at == NOON


def test_a_confirmed_ticket_of_another_severity_does_not() -> None:
    assert place(heard(Confirmed("normal", is_known=True)), [a_rule()], [], NOON) is None


def test_triage_without_a_known_incident_does_not() -> None:
    assert place(heard(Confirmed("critical", is_known=False)), [a_rule()], [], NOON) is None


def test_a_second_confirmed_ticket_joins_the_open_incident() -> None:
    incident = opened(place(heard(CRITICAL), [a_rule()], [], NOON))

    second = place(heard(CRITICAL, ticket="t2"), [a_rule()], [incident], NOON)

    assert second == Join(incident.id)


def test_a_ticket_that_has_its_incident_opens_no_other() -> None:
    report = replace(heard(CRITICAL), incident_id="gone")

    assert place(report, [a_rule()], [], NOON) is None


def test_the_same_ticket_gives_the_same_incident_id_and_another_ticket_another() -> None:
    ids = {
        opened(place(heard(CRITICAL, ticket=ticket), [a_rule()], [], NOON)).id
        for ticket in ("t1", "t1", "t2")
    }

    assert len(ids) == 2


def test_an_incident_opened_by_hand_on_the_component_is_joined() -> None:
    by_hand = opened(opening({"api": MAJOR}))

    assert place(heard(CRITICAL), [a_rule()], [by_hand], NOON) == Join(by_hand.id)


def test_a_milder_incident_on_the_component_does_not_swallow_an_outage() -> None:
    by_hand = opened(opening({"api": DEGRADED}))

    assert isinstance(place(heard(CRITICAL), [a_rule()], [by_hand], NOON), Open)


def test_a_ticket_linked_to_an_incident_of_the_page_joins_it() -> None:
    by_hand = opened(opening({"api": DEGRADED}))
    report = heard(Linked(by_hand.id))

    assert place(report, [], [by_hand], NOON) == Join(by_hand.id)
    assert place(replace(report, incident_id=by_hand.id), [], [by_hand], NOON) is None


def test_tickets_linked_to_one_name_share_one_incident() -> None:
    rule = a_rule(Trigger.LINKED)
    triaged = Confirmed("critical", is_known=False)
    incident = opened(place(heard(triaged, Linked("PRB-7")), [rule], [], NOON))
    same = place(heard(triaged, Linked("PRB-7"), ticket="t2"), [rule], [incident], NOON)
    other = place(heard(triaged, Linked("PRB-8"), ticket="t3"), [rule], [incident], NOON)

    assert same == Join(incident.id)
    assert isinstance(other, Open)


def test_a_broken_promise_opens_one_where_the_rule_says_so() -> None:
    broken = heard(Broken("first_response", "critical"))

    assert isinstance(place(broken, [a_rule(Trigger.BROKEN)], [], NOON), Open)
    assert place(broken, [a_rule()], [], NOON) is None
    other = a_rule(Trigger.BROKEN, metrics=frozenset({"resolution"}))
    assert place(broken, [other], [], NOON) is None


def test_confirmation_and_broken_promise_count_in_either_order() -> None:
    rule = a_rule(Trigger.BROKEN, only_confirmed=True)
    broken = Broken("first_response", "critical")

    assert place(heard(broken), [rule], [], NOON) is None
    assert isinstance(place(heard(broken, CRITICAL), [rule], [], NOON), Open)
    assert isinstance(place(heard(CRITICAL, broken), [rule], [], NOON), Open)


def test_a_retracted_breach_counts_no_more() -> None:
    report = heard(Broken("resolution", "critical"), Retracted("resolution"))

    assert place(report, [a_rule(Trigger.BROKEN)], [], NOON) is None


def test_what_was_heard_before_changes_nothing() -> None:
    report = heard(CRITICAL, Confirmed("normal", is_known=False))
    repeated = hear(report, Fact("t1", "demo", "DEM-1", "tickets", 1, NOON, CRITICAL))

    assert repeated == report


def test_the_severity_of_triage_beats_the_one_a_breach_repeats() -> None:
    report = heard(Confirmed("normal", is_known=True), Broken("resolution", "critical"))

    assert report.severity == "normal"
