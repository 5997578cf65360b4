"""When tickets open incidents by themselves."""

from dataclasses import replace
from uuid import UUID

from status.domain.components import ComponentStatus
from status.domain.decisions import Board, Open, decide
from status.domain.incidents import Incident, IncidentStatus
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
from unit.status.builders import DEGRADED, MAJOR, NOON, Story, a_component, opening, saying

BREACH = UUID(int=51)
CRITICAL = Confirmed("critical", is_known=True)


def a_rule(
    *triggers: Trigger,
    key: str = "outage",
    metrics: frozenset[str] = frozenset(),
    only_confirmed: bool = False,
    products: frozenset[str] = frozenset(),
    status: ComponentStatus = MAJOR,
) -> Rule:
    return Rule(
        key=key,
        triggers=frozenset(triggers or [Trigger.CONFIRMED]),
        severities=frozenset({"critical"}),
        products=products,
        metrics=metrics,
        only_confirmed=only_confirmed,
        name="Outage",
        body="We know.",
        statuses={"api": status},
    )


def heard(*news: News, ticket: int = 1, report: Report | None = None) -> Report:
    for one in news:
        topic = "breaches" if isinstance(one, Broken | Retracted) else "tickets"
        sequence = (report.heard.get(topic, 0) if report else 0) + 1
        report = hear(report, Fact(UUID(int=ticket), "demo", "DEM-1", topic, sequence, NOON, one))
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

    second = place(heard(CRITICAL, ticket=2), [a_rule()], [incident], NOON)

    assert second == Join(incident.uid)


def test_a_ticket_that_has_its_incident_opens_no_other() -> None:
    report = replace(heard(CRITICAL), incident=UUID(int=99))

    assert place(report, [a_rule()], [], NOON) is None


def test_the_same_ticket_gives_the_same_incident_id_and_another_ticket_another() -> None:
    ids = {
        opened(place(heard(CRITICAL, ticket=ticket), [a_rule()], [], NOON)).id
        for ticket in (1, 1, 2)
    }

    assert len(ids) == 2


def test_an_incident_opened_by_hand_on_the_component_is_joined() -> None:
    by_hand = opened(opening({"api": MAJOR}))

    assert place(heard(CRITICAL), [a_rule()], [by_hand], NOON) == Join(by_hand.uid)


def test_a_milder_incident_on_the_component_does_not_swallow_an_outage() -> None:
    by_hand = opened(opening({"api": DEGRADED}))

    assert isinstance(place(heard(CRITICAL), [a_rule()], [by_hand], NOON), Open)


def test_a_ticket_linked_to_an_incident_of_the_page_joins_it() -> None:
    by_hand = opened(opening({"api": DEGRADED}))
    report = heard(Linked(by_hand.uid))

    assert place(report, [], [by_hand], NOON) == Join(by_hand.uid)
    assert place(replace(report, incident=by_hand.uid), [], [by_hand], NOON) is None


def test_tickets_linked_to_one_unknown_incident_share_one_incident() -> None:
    rule = a_rule(Trigger.LINKED)
    triaged = Confirmed("critical", is_known=False)
    incident = opened(place(heard(triaged, Linked(UUID(int=7))), [rule], [], NOON))
    same = place(heard(triaged, Linked(UUID(int=7)), ticket=2), [rule], [incident], NOON)
    other = place(heard(triaged, Linked(UUID(int=8)), ticket=3), [rule], [incident], NOON)

    assert same == Join(incident.uid)
    assert isinstance(other, Open)


def test_a_ticket_linked_to_a_closed_incident_opens_nothing() -> None:
    story = Story(a_component("api"))
    story.then(opening({"api": MAJOR}))
    story.then(saying(IncidentStatus.RESOLVED))
    report = heard(CRITICAL, Linked(story.told.uid))

    assert place(report, [a_rule(Trigger.LINKED)], [story.told], NOON) == Join(story.told.uid)


def test_a_rule_for_products_wants_one_of_them() -> None:
    rule = a_rule(products=frozenset({"gate"}))
    for_gate = Confirmed("critical", is_known=True, product="gate")

    assert place(heard(CRITICAL), [rule], [], NOON) is None
    assert isinstance(place(heard(for_gate), [rule], [], NOON), Open)
    assert isinstance(place(heard(for_gate, CRITICAL), [rule], [], NOON), Open)


def test_a_broken_promise_opens_one_where_the_rule_says_so() -> None:
    broken = heard(Broken("first_response", "critical", BREACH))

    assert isinstance(place(broken, [a_rule(Trigger.BROKEN)], [], NOON), Open)
    assert place(broken, [a_rule()], [], NOON) is None
    other = a_rule(Trigger.BROKEN, metrics=frozenset({"resolution"}))
    assert place(broken, [other], [], NOON) is None


def test_confirmation_and_broken_promise_count_in_either_order() -> None:
    rule = a_rule(Trigger.BROKEN, only_confirmed=True)
    broken = Broken("first_response", "critical", BREACH)

    assert place(heard(broken), [rule], [], NOON) is None
    assert isinstance(place(heard(broken, CRITICAL), [rule], [], NOON), Open)
    assert isinstance(place(heard(CRITICAL, broken), [rule], [], NOON), Open)


def test_a_retracted_breach_counts_no_more() -> None:
    broken = Broken("next_response", "critical", BREACH)
    again = replace(broken, breach=UUID(int=52))
    taken_back = Retracted("next_response", BREACH)
    rule = a_rule(Trigger.BROKEN, metrics=frozenset({"next_response"}))

    assert place(heard(broken, taken_back), [rule], [], NOON) is None
    # The other one of the same kind stays broken.
    assert isinstance(place(heard(broken, again, taken_back), [rule], [], NOON), Open)


def test_what_was_heard_before_changes_nothing() -> None:
    report = heard(CRITICAL, Confirmed("normal", is_known=False))
    repeated = hear(report, Fact(UUID(int=1), "demo", "DEM-1", "tickets", 1, NOON, CRITICAL))

    assert repeated == report


def test_the_severity_of_triage_beats_the_one_a_breach_repeats() -> None:
    report = heard(Confirmed("normal", is_known=True), Broken("resolution", "critical", BREACH))

    assert report.severity == "normal"
