"""The bodies of the v2 API: exact keys in their order, times, and selections."""

import re
from uuid import UUID

import pytest

from status.domain.components import Component
from status.domain.identifiers import public_id
from status.domain.incidents import IncidentStatus
from status.domain.page_state import PageState, in_page_order
from status.public import statuspage_v2
from unit.status.builders import (
    MAINTAINED,
    MAJOR,
    PARTIAL,
    Story,
    a_component,
    a_state,
    maintenance,
    opening,
    saying,
)

COMPONENT = """id name status created_at updated_at position description showcase start_date
    group_id page_id group only_show_if_degraded"""
INCIDENT = """id name status created_at updated_at monitoring_at resolved_at impact shortlink
    started_at page_id incident_updates components reminder_intervals"""
UPDATE = """id status body incident_id created_at updated_at display_at affected_components
    deliver_notifications custom_tweet tweet_id"""


def a_page_after(*statuses: IncidentStatus, plan: bool = False) -> tuple[PageState, Story]:
    story = Story(a_component("web", is_group=True), a_component("api", group="web"))
    story.then(maintenance({"api": MAINTAINED}) if plan else opening({"api": MAJOR}))
    for status in statuses:
        story.then(saying(status))
    state = a_state(*story.components.values(), incidents=(story.current,))
    return state, story


def test_every_body_starts_with_the_page() -> None:
    state, _ = a_page_after()
    for path in statuspage_v2.PATHS:
        body = statuspage_v2.body(path, state)
        assert next(iter(body)) == "page"
        assert body["page"] == {
            "id": "page00000001",
            "name": "Demo",
            "url": "https://status.example.com",
            "time_zone": "Etc/UTC",
            "updated_at": "2026-03-02T12:00:00.123Z",
        }


def test_the_summary_has_its_keys_in_order() -> None:
    state, _ = a_page_after()

    assert list(statuspage_v2.body("summary.json", state)) == [
        "page",
        "components",
        "incidents",
        "scheduled_maintenances",
        "status",
    ]


def test_a_component_has_thirteen_keys_and_a_group_lists_its_children() -> None:
    state, _ = a_page_after()

    group, child = statuspage_v2.body("components.json", state)["components"]

    assert list(child) == COMPONENT.split()
    assert list(group) == [*COMPONENT.split(), "components"]
    assert group["components"] == ["api"]
    assert (group["group"], group["group_id"], child["group_id"]) == (True, None, "web")


def test_a_group_is_as_bad_as_its_worst_child() -> None:
    state = a_state(
        a_component("g", is_group=True),
        a_component("a", PARTIAL, group="g"),
        a_component("b", MAINTAINED, group="g"),
    )

    assert statuspage_v2.component(state.components[0], state)["status"] == "partial_outage"


def test_an_incident_has_its_keys_in_order_and_its_updates_newest_first() -> None:
    state, _ = a_page_after(IncidentStatus.MONITORING)

    body = statuspage_v2.body("incidents/unresolved.json", state)["incidents"][0]

    assert list(body) == INCIDENT.split()
    assert [one["status"] for one in body["incident_updates"]] == ["monitoring", "investigating"]
    assert list(body["incident_updates"][0]) == UPDATE.split()
    assert body["incident_updates"][1]["affected_components"] == [
        {
            "code": "api",
            "name": "WEB - API",
            "old_status": "operational",
            "new_status": "major_outage",
        }
    ]
    assert [one["id"] for one in body["components"]] == ["api"]
    assert body["components"][0]["status"] == "major_outage"
    assert body["monitoring_at"] == "2026-03-02T12:01:00.123Z"
    assert body["resolved_at"] is None
    assert body["shortlink"] == "https://status.example.com/incidents/" + body["id"]


def test_an_incident_without_components_says_null_and_an_empty_list() -> None:
    story = Story()
    story.then(opening())
    body = statuspage_v2.incident(story.current, a_state(incidents=(story.current,)))

    assert body["incident_updates"][0]["affected_components"] is None
    assert body["components"] == []


def test_a_maintenance_adds_its_window() -> None:
    state, _ = a_page_after(plan=True)

    body = statuspage_v2.body("scheduled-maintenances/upcoming.json", state)[
        "scheduled_maintenances"
    ][0]

    assert list(body) == [*INCIDENT.split(), "scheduled_for", "scheduled_until"]
    assert body["scheduled_for"] == "2026-03-02T13:00:00.123Z"
    assert (body["status"], body["impact"]) == ("scheduled", "maintenance")


LISTS = {
    "incidents.json": "incidents",
    "incidents/unresolved.json": "incidents",
    "scheduled-maintenances.json": "scheduled_maintenances",
    "scheduled-maintenances/upcoming.json": "scheduled_maintenances",
    "scheduled-maintenances/active.json": "scheduled_maintenances",
}


@pytest.mark.parametrize(
    ("statuses", "plan", "shown_in"),
    [
        ([], False, {"incidents.json", "incidents/unresolved.json"}),
        ([IncidentStatus.RESOLVED], False, {"incidents.json"}),
        ([IncidentStatus.RESOLVED, IncidentStatus.POSTMORTEM], False, {"incidents.json"}),
        ([], True, {"scheduled-maintenances.json", "scheduled-maintenances/upcoming.json"}),
        (
            [IncidentStatus.IN_PROGRESS],
            True,
            {"scheduled-maintenances.json", "scheduled-maintenances/active.json"},
        ),
        (
            [IncidentStatus.IN_PROGRESS, IncidentStatus.VERIFYING],
            True,
            {"scheduled-maintenances.json", "scheduled-maintenances/active.json"},
        ),
        (
            [IncidentStatus.IN_PROGRESS, IncidentStatus.COMPLETED],
            True,
            {"scheduled-maintenances.json"},
        ),
    ],
)
def test_each_list_selects_by_state(
    statuses: list[IncidentStatus], plan: bool, shown_in: set[str]
) -> None:
    state, _ = a_page_after(*statuses, plan=plan)

    assert {path for path, key in LISTS.items() if statuspage_v2.body(path, state)[key]} == shown_in


def test_lists_show_the_fifty_newest_but_every_unresolved_one() -> None:
    incidents = []
    for index in range(60):
        story = Story()
        story.then(opening(uid=UUID(int=index)))
        incidents.append(story.current)
    state = a_state(incidents=tuple(incidents))

    assert len(statuspage_v2.body("incidents.json", state)["incidents"]) == 50
    assert len(statuspage_v2.body("incidents/unresolved.json", state)["incidents"]) == 60


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Etc/UTC", "2026-03-02T12:00:00.123Z"),
        ("Europe/London", "2026-03-02T12:00:00.123+00:00"),
        ("Europe/Helsinki", "2026-03-02T14:00:00.123+02:00"),
        ("America/New_York", "2026-03-02T07:00:00.123-05:00"),
        ("Asia/Kathmandu", "2026-03-02T17:45:00.123+05:45"),
    ],
)
def test_times_have_three_digits_and_the_offset_of_the_page(zone: str, text: str) -> None:
    assert statuspage_v2.body("status.json", a_state(zone=zone))["page"]["updated_at"] == text


def test_markup_in_a_body_is_text_and_line_ends_are_kept() -> None:
    assert statuspage_v2.text_as_html("<b>a</b>\r\nb & c") == "&lt;b&gt;a&lt;/b&gt;<br />b &amp; c"


def test_page_order_puts_children_behind_their_group() -> None:
    def at(
        code: str, position: int, group: str | None = None, *, is_group: bool = False
    ) -> Component:
        return a_component(code, position=position, group=group, is_group=is_group)

    ordered = in_page_order(
        [at("y", 2, "g"), at("z", 3), at("x", 1, "g"), at("a", 1), at("g", 2, is_group=True)]
    )

    assert [one.id for one in ordered] == ["a", "g", "x", "y", "z"]


def test_unknown_paths_have_no_body() -> None:
    with pytest.raises(KeyError):
        statuspage_v2.body("nothing.json", a_state())


def test_ids_of_a_page_have_the_shape_that_clients_check() -> None:
    assert re.fullmatch(r"[a-z0-9]{12}", public_id("page", "demo"))
    assert public_id("a", "b") != public_id("ab")
