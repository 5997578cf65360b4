"""What commands do to incidents and maintenances."""

from dataclasses import replace
from uuid import UUID

import pytest

from status.domain.decisions import (
    ChangeKind,
    Command,
    ComponentChanged,
    DecisionContext,
    IncidentChanged,
    Reason,
    claims_of_others,
    decide,
    set_component,
)
from status.domain.incidents import Impact, IncidentStatus, Window
from unit.status.builders import (
    DEGRADED,
    MAINTAINED,
    MAJOR,
    NOON,
    OPERATIONAL,
    PARTIAL,
    Story,
    a_component,
    a_context,
    maintenance,
    minutes,
    opening,
    saying,
)

RESOLVED = IncidentStatus.RESOLVED
MONITORING = IncidentStatus.MONITORING


def test_opening_says_which_components_suffer_and_changes_them() -> None:
    story = Story(a_component("api"), a_component("web"))

    decision = story.then(opening({"api": MAJOR}))

    assert decision.reason is Reason.OPENED
    assert story.status("api") is MAJOR
    assert story.status("web") is OPERATIONAL
    assert [type(effect) for effect in decision.effects] == [IncidentChanged, ComponentChanged]
    affected = story.current.updates[0].affected
    assert [(one.code, one.old_status, one.new_status) for one in affected] == [
        ("api", OPERATIONAL, MAJOR)
    ]


def test_the_impact_is_that_of_the_worst_component_unless_stated() -> None:
    context = a_context(a_component("api"), a_component("web"))

    def impact(stated: Impact | None) -> Impact | None:
        command = replace(opening({"api": DEGRADED, "web": PARTIAL}), impact=stated)
        incident = decide(None, command, context, NOON).incident
        return incident.impact if incident else None

    assert impact(None) is Impact.MAJOR
    assert impact(Impact.MINOR) is Impact.MINOR


def test_updates_are_newest_first_and_number_their_events_without_gaps() -> None:
    story = Story(a_component("api"))
    story.then(opening({"api": MAJOR}))
    story.then(saying(IncidentStatus.IDENTIFIED))
    story.then(saying(MONITORING, api=DEGRADED))

    assert [update.status for update in story.current.updates] == [
        MONITORING,
        IncidentStatus.IDENTIFIED,
        IncidentStatus.INVESTIGATING,
    ]
    assert story.current.revision == 3
    assert story.components["api"].revision == 2
    assert len({update.id for update in story.current.updates}) == 3


def test_an_update_repeats_every_affected_component_even_unchanged() -> None:
    story = Story(a_component("api"))
    story.then(opening({"api": MAJOR}))
    story.then(saying(IncidentStatus.IDENTIFIED))

    affected = story.current.updates[0].affected
    assert [(one.code, one.old_status, one.new_status) for one in affected] == [
        ("api", MAJOR, MAJOR)
    ]


def test_resolving_brings_the_components_back() -> None:
    story = Story(a_component("api"))
    story.then(opening({"api": MAJOR}))

    decision = story.then(saying(RESOLVED))

    assert decision.reason is Reason.RESOLVED
    assert story.status("api") is OPERATIONAL
    assert story.current.resolved_at == NOON + minutes(1)


def test_resolving_may_leave_a_component_in_another_state() -> None:
    story = Story(a_component("api"))
    story.then(opening({"api": MAJOR}))
    story.then(saying(RESOLVED, api=DEGRADED))

    assert story.status("api") is DEGRADED


def test_resolving_leaves_what_another_open_incident_says() -> None:
    story = Story(a_component("api", PARTIAL))
    story.others = {"api": PARTIAL}
    story.then(opening({"api": MAJOR}))
    story.then(saying(RESOLVED))

    assert story.status("api") is PARTIAL


def test_a_milder_incident_does_not_make_a_component_look_better() -> None:
    story = Story(a_component("api", MAJOR))
    story.others = {"api": MAJOR}
    story.then(opening({"api": DEGRADED}))

    assert story.status("api") is MAJOR


def test_monitoring_is_noted_once() -> None:
    story = Story()
    story.then(opening())
    story.then(saying(MONITORING))
    story.then(saying(MONITORING))

    assert story.current.monitoring_at == NOON + minutes(1)


def test_a_resolved_incident_takes_a_postmortem_but_does_not_come_back() -> None:
    story = Story(a_component("api"))
    story.then(opening({"api": MAJOR}))
    assert story.then(saying(IncidentStatus.POSTMORTEM)).reason is Reason.WRONG_STATUS
    story.then(saying(RESOLVED))
    resolved_at = story.current.resolved_at

    assert story.then(saying(IncidentStatus.INVESTIGATING)).reason is Reason.CLOSED
    decision = story.then(saying(IncidentStatus.POSTMORTEM))

    assert decision.reason is Reason.UPDATED
    assert story.current.resolved_at == resolved_at


def test_a_postmortem_moves_no_component() -> None:
    story = Story(a_component("api"))
    story.then(opening({"api": MAJOR}))
    story.then(saying(RESOLVED))
    story.components["api"] = a_component("api", PARTIAL)
    story.then(saying(IncidentStatus.POSTMORTEM))

    assert story.status("api") is PARTIAL


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (opening({"nowhere": MAJOR}), Reason.NO_SUCH_COMPONENT),
        (opening({"group": MAJOR}), Reason.COMPONENT_IS_GROUP),
        (opening(status=IncidentStatus.IN_PROGRESS), Reason.WRONG_STATUS),
        (opening(window=Window(NOON, NOON + minutes(1))), Reason.WRONG_STATUS),
        (
            opening(status=IncidentStatus.SCHEDULED, window=Window(NOON, NOON)),
            Reason.EMPTY_WINDOW,
        ),
        (saying(MONITORING), Reason.NO_SUCH_INCIDENT),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(command: Command, reason: Reason) -> None:
    context = a_context(a_component("api"), a_component("group", is_group=True))

    decision = decide(None, command, context, NOON)

    assert decision.reason is reason
    assert decision.reason.is_refusal
    assert decision.effects == ()
    assert decision.incident is None


def test_a_maintenance_changes_components_only_while_it_lasts() -> None:
    story = Story(a_component("api"))
    decision = story.then(maintenance({"api": MAINTAINED}))
    assert decision.reason is Reason.OPENED
    assert story.current.impact is Impact.MAINTENANCE
    assert story.status("api") is OPERATIONAL

    assert story.then(saying(IncidentStatus.IN_PROGRESS)).reason is Reason.STARTED
    assert story.status("api") is MAINTAINED
    # The contract has no event for detail of a maintenance under way.
    assert story.then(saying(IncidentStatus.VERIFYING)).effects == ()
    assert story.status("api") is MAINTAINED

    decision = story.then(saying(IncidentStatus.COMPLETED))
    assert decision.effects[0] == IncidentChanged(ChangeKind.RESOLVED, story.current)
    assert story.status("api") is OPERATIONAL


def test_a_maintenance_that_ends_before_it_began_was_cancelled() -> None:
    story = Story(a_component("api", DEGRADED))
    story.then(maintenance({"api": MAINTAINED}))

    assert story.then(saying(IncidentStatus.COMPLETED)).reason is Reason.CANCELLED
    assert story.status("api") is DEGRADED


def test_a_maintenance_under_way_is_not_announced_again() -> None:
    story = Story()
    story.then(maintenance())
    story.then(saying(IncidentStatus.IN_PROGRESS))

    assert story.then(saying(IncidentStatus.SCHEDULED)).reason is Reason.WRONG_STATUS
    assert story.then(saying(MONITORING)).reason is Reason.WRONG_STATUS


def test_others_hold_a_component_while_they_are_open_and_not_only_announced() -> None:
    context = a_context(a_component("api"))
    first = decide(None, opening({"api": PARTIAL}, uid=UUID(int=10)), context, NOON).incident
    second = decide(None, opening({"api": MAJOR}, uid=UUID(int=11)), context, NOON).incident
    announced = decide(None, replace(maintenance({"api": MAJOR}), uid=UUID(int=12)), context, NOON)
    assert first is not None
    assert second is not None
    assert announced.incident is not None
    everything = [first, second, announced.incident]

    assert claims_of_others(everything, but=UUID(int=11)) == {"api": PARTIAL}
    assert claims_of_others(everything, but=None) == {"api": MAJOR}


def test_setting_a_component_by_hand_counts_its_own_events() -> None:
    first = set_component(a_component("api"), MAJOR, "ada", NOON)
    again = set_component(first.components[0], MAJOR, "ada", NOON)
    second = set_component(first.components[0], OPERATIONAL, "ada", NOON)

    assert [first.reason, again.reason, second.reason] == [
        Reason.CHANGED,
        Reason.UNCHANGED,
        Reason.CHANGED,
    ]
    assert [one.components[0].revision for one in (first, second)] == [1, 2]
    group = a_component("group", is_group=True)
    assert set_component(group, MAJOR, "ada", NOON).reason is Reason.COMPONENT_IS_GROUP


def test_a_component_that_left_the_page_is_left_out_of_updates() -> None:
    story = Story(a_component("api"), a_component("web"))
    story.then(opening({"api": MAJOR, "web": MAJOR}))
    del story.components["web"]
    story.then(saying(RESOLVED))

    assert [one.code for one in story.current.updates[0].affected] == ["api"]


def test_an_open_incident_is_not_opened_again() -> None:
    incident = decide(None, opening(), DecisionContext([]), NOON).incident

    assert decide(incident, opening(), DecisionContext([]), NOON).reason is Reason.ALREADY_OPEN
