"""When tickets open incidents by themselves."""

from dataclasses import replace
from uuid import UUID

from status.domain.components import ComponentStatus
from status.domain.decisions import DecisionContext, Open, decide
from status.domain.incidents import Incident, IncidentStatus
from status.domain.reports import (
    Broken,
    Confirmed,
    Fact,
    FactDetail,
    Join,
    Linked,
    Report,
    Retracted,
    Rule,
    Trigger,
    place,
    update_report,
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


def report_of(*detail: FactDetail, ticket: int = 1, report: Report | None = None) -> Report:
    for one in detail:
        topic = "breaches" if isinstance(one, Broken | Retracted) else "tickets"
        sequence = (report.last_sequences.get(topic, 0) if report else 0) + 1
        report = update_report(
            report, Fact(UUID(int=ticket), "demo", "DEM-1", topic, sequence, NOON, one)
        )
    assert report is not None
    return report


def opened(command: object) -> Incident:
    assert isinstance(command, Open)
    incident = decide(None, command, DecisionContext([a_component("api")]), NOON).incident
    assert incident is not None
    return incident


def test_a_confirmed_critical_ticket_opens_an_incident() -> None:
    placement = place(report_of(CRITICAL), [a_rule()], [], NOON)

    assert isinstance(placement, Open)
    assert placement.name == "Outage"
    assert placement.statuses == {"api": MAJOR}
    assert placement.started_at == NOON


def test_a_confirmed_ticket_of_another_severity_does_not() -> None:
    assert place(report_of(Confirmed("normal", is_known=True)), [a_rule()], [], NOON) is None


def test_triage_without_a_known_incident_does_not() -> None:
    assert place(report_of(Confirmed("critical", is_known=False)), [a_rule()], [], NOON) is None


def test_a_second_confirmed_ticket_joins_the_open_incident() -> None:
    incident = opened(place(report_of(CRITICAL), [a_rule()], [], NOON))

    second = place(report_of(CRITICAL, ticket=2), [a_rule()], [incident], NOON)

    assert second == Join(incident.uid)


def test_a_ticket_that_has_its_incident_opens_no_other() -> None:
    report = replace(report_of(CRITICAL), incident=UUID(int=99))

    assert place(report, [a_rule()], [], NOON) is None


def test_the_same_ticket_gives_the_same_incident_id_and_another_ticket_another() -> None:
    ids = {
        opened(place(report_of(CRITICAL, ticket=ticket), [a_rule()], [], NOON)).id
        for ticket in (1, 1, 2)
    }

    assert len(ids) == 2


def test_an_incident_opened_by_hand_on_the_component_is_joined() -> None:
    by_hand = opened(opening({"api": MAJOR}))

    assert place(report_of(CRITICAL), [a_rule()], [by_hand], NOON) == Join(by_hand.uid)


def test_a_milder_incident_on_the_component_does_not_swallow_an_outage() -> None:
    by_hand = opened(opening({"api": DEGRADED}))

    assert isinstance(place(report_of(CRITICAL), [a_rule()], [by_hand], NOON), Open)


def test_a_ticket_linked_to_an_incident_of_the_page_joins_it() -> None:
    by_hand = opened(opening({"api": DEGRADED}))
    report = report_of(Linked(by_hand.uid))

    assert place(report, [], [by_hand], NOON) == Join(by_hand.uid)
    assert place(replace(report, incident=by_hand.uid), [], [by_hand], NOON) is None


def test_tickets_linked_to_one_unknown_incident_share_one_incident() -> None:
    rule = a_rule(Trigger.LINKED)
    triaged = Confirmed("critical", is_known=False)
    incident = opened(place(report_of(triaged, Linked(UUID(int=7))), [rule], [], NOON))
    same = place(report_of(triaged, Linked(UUID(int=7)), ticket=2), [rule], [incident], NOON)
    other = place(report_of(triaged, Linked(UUID(int=8)), ticket=3), [rule], [incident], NOON)

    assert same == Join(incident.uid)
    assert isinstance(other, Open)


def test_a_ticket_linked_to_a_closed_incident_opens_nothing() -> None:
    story = Story(a_component("api"))
    story.then(opening({"api": MAJOR}))
    story.then(saying(IncidentStatus.RESOLVED))
    report = report_of(CRITICAL, Linked(story.current.uid))

    assert place(report, [a_rule(Trigger.LINKED)], [story.current], NOON) == Join(story.current.uid)


def test_a_rule_for_products_wants_one_of_them() -> None:
    rule = a_rule(products=frozenset({"gate"}))
    for_gate = Confirmed("critical", is_known=True, product="gate")

    assert place(report_of(CRITICAL), [rule], [], NOON) is None
    assert isinstance(place(report_of(for_gate), [rule], [], NOON), Open)
    assert isinstance(place(report_of(for_gate, CRITICAL), [rule], [], NOON), Open)


def test_a_broken_promise_opens_one_where_the_rule_says_so() -> None:
    broken = report_of(Broken("first_response", "critical", BREACH))

    assert isinstance(place(broken, [a_rule(Trigger.BROKEN)], [], NOON), Open)
    assert place(broken, [a_rule()], [], NOON) is None
    other = a_rule(Trigger.BROKEN, metrics=frozenset({"resolution"}))
    assert place(broken, [other], [], NOON) is None


def test_confirmation_and_broken_promise_count_in_either_order() -> None:
    rule = a_rule(Trigger.BROKEN, only_confirmed=True)
    broken = Broken("first_response", "critical", BREACH)

    assert place(report_of(broken), [rule], [], NOON) is None
    assert isinstance(place(report_of(broken, CRITICAL), [rule], [], NOON), Open)
    assert isinstance(place(report_of(CRITICAL, broken), [rule], [], NOON), Open)


def test_a_retracted_breach_counts_no_more() -> None:
    broken = Broken("next_response", "critical", BREACH)
    again = replace(broken, breach=UUID(int=52))
    taken_back = Retracted("next_response", BREACH)
    rule = a_rule(Trigger.BROKEN, metrics=frozenset({"next_response"}))

    assert place(report_of(broken, taken_back), [rule], [], NOON) is None
    # The other one of the same kind stays broken.
    assert isinstance(place(report_of(broken, again, taken_back), [rule], [], NOON), Open)


def test_a_repeated_fact_changes_nothing() -> None:
    report = report_of(CRITICAL, Confirmed("normal", is_known=False))
    repeated = update_report(
        report, Fact(UUID(int=1), "demo", "DEM-1", "tickets", 1, NOON, CRITICAL)
    )

    assert repeated == report


def test_the_severity_of_triage_beats_the_one_a_breach_repeats() -> None:
    report = report_of(Confirmed("normal", is_known=True), Broken("resolution", "critical", BREACH))

    assert report.severity == "normal"
