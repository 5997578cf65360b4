"""The line at the top of the page, case by case."""

from dataclasses import replace

import pytest

from status.domain.components import ComponentStatus
from status.domain.decisions import DecisionContext, decide
from status.domain.incidents import Impact, IncidentStatus
from status.domain.rollup import overall
from unit.status.builders import (
    DEGRADED,
    MAINTAINED,
    MAJOR,
    NOON,
    OPERATIONAL,
    PARTIAL,
    Story,
    a_component,
    opening,
    saying,
)

TABLE: list[tuple[list[ComponentStatus], str, str]] = [
    ([], "none", "All Systems Operational"),
    ([OPERATIONAL, OPERATIONAL], "none", "All Systems Operational"),
    ([MAINTAINED, OPERATIONAL], "maintenance", "Service Under Maintenance"),
    ([MAINTAINED, MAINTAINED], "maintenance", "Service Under Maintenance"),
    ([DEGRADED, OPERATIONAL], "minor", "Partially Degraded Service"),
    ([DEGRADED, MAINTAINED], "minor", "Partially Degraded Service"),
    ([DEGRADED, DEGRADED], "minor", "Degraded System Service"),
    ([PARTIAL, OPERATIONAL], "minor", "Minor Service Outage"),
    ([PARTIAL, DEGRADED], "minor", "Minor Service Outage"),
    ([PARTIAL, PARTIAL], "major", "Partial System Outage"),
    ([MAJOR, OPERATIONAL], "major", "Partial System Outage"),
    ([MAJOR, PARTIAL], "major", "Partial System Outage"),
    ([MAJOR, MAJOR], "critical", "Major System Outage"),
]


@pytest.mark.parametrize(("statuses", "indicator", "description"), TABLE)
def test_components_decide_the_line(
    statuses: list[ComponentStatus], indicator: str, description: str
) -> None:
    components = [a_component(f"c{index}", status) for index, status in enumerate(statuses)]

    line = overall(components, [])

    assert (line.indicator, line.description) == (indicator, description)


def test_a_group_does_not_count_as_a_component() -> None:
    components = [a_component("g", is_group=True), a_component("c", MAJOR, group="g")]

    assert overall(components, []).description == "Major System Outage"


@pytest.mark.parametrize(
    ("impact", "indicator"),
    [
        (Impact.NONE, "none"),
        (Impact.MINOR, "minor"),
        (Impact.MAJOR, "major"),
        (Impact.CRITICAL, "critical"),
    ],
)
def test_an_open_incident_without_components_counts_by_its_impact(
    impact: Impact, indicator: str
) -> None:
    incident = decide(None, replace(opening(), impact=impact), DecisionContext([]), NOON).incident
    assert incident is not None

    assert overall([], [incident]).indicator == indicator
    assert overall([a_component("c")], [incident]).indicator == indicator


def test_an_open_incident_whose_components_left_the_page_counts_by_its_impact() -> None:
    story = Story(a_component("gone"))
    story.then(opening({"gone": MAJOR}))

    assert overall([a_component("c")], [story.current]).indicator == "critical"


def test_a_resolved_incident_counts_no_more() -> None:
    story = Story()
    story.then(replace(opening(), impact=Impact.CRITICAL))
    story.then(saying(IncidentStatus.RESOLVED))

    assert overall([], [story.current]).indicator == "none"
