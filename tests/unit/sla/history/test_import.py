"""What an import makes of other help desks' exports, as their products write them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pledge.events import EVENT_TYPES
from pledge.runtime.desk_file.problem import DeskFileError
from sla.history.facts import Importer, Missing, Report
from sla.history.mapping import MappingFile, Source, default_mapping, load_mapping
from sla.history.records import BadExport, csv_records, json_records
from sla.history.sources import ADAPTERS

AT = "2026-03-02T{}:00Z"


def imported(
    source: Source, ticket: dict[str, Any], mapping: MappingFile | None = None
) -> tuple[list[tuple[str, str]], list[dict[str, Any]], Report]:
    """The facts of a ticket as (time of day, type), its events, and the report."""
    report = Report()
    importer = Importer(mapping or default_mapping(source), "vircom", report)
    events = importer.events(ticket, list(ADAPTERS[source].inside(ticket)))
    for event in events:
        EVENT_TYPES[event["type"]].model_validate(event)  # as the contract has it
    facts = [(each["occurred_at"][11:16], each["type"].split(".")[2]) for each in events]
    return facts, events, report


def audit(at: str, author: int, *events: dict[str, Any]) -> dict[str, Any]:
    return {"id": 1, "ticket_id": 7, "created_at": AT.format(at), "author_id": author,
            "events": [{"id": 2, **event} for event in events]}  # fmt: skip


def changed(field: str, before: object, after: object) -> dict[str, Any]:
    return {"type": "Change", "field_name": field, "previous_value": before, "value": after}


COMMENT = {"type": "Comment", "public": True}

ZENDESK = {
    "id": 7,
    "created_at": AT.format("14:00"),
    "requester_id": 7001,
    "organization_id": 33,
    "priority": "urgent",
    "status": "closed",
    "via": {"channel": "web"},
    "audits": [
        audit("14:00", 7001, COMMENT, {"type": "Create", "field_name": "status", "value": "new"}),
        audit(
            "14:20",
            12,
            {**COMMENT, "author_id": 12},
            changed("status", "new", "pending"),
            changed("priority", "normal", "urgent"),
            changed("assignee_id", None, "12"),
        ),
        audit("14:30", 12, {"type": "Comment", "public": False}),
        audit("15:00", 7001, COMMENT, changed("status", "pending", "open")),
        audit("16:00", 12, changed("status", "open", "solved")),
        audit("17:00", 7001, COMMENT, changed("status", "solved", "open")),
        audit("18:00", 12, changed("status", "open", "closed"), changed("status", "x", "frozen")),
    ],
}


def test_zendesk_audits_become_the_ticket_s_life() -> None:
    facts, events, report = imported("zendesk", ZENDESK)
    assert facts == [
        ("14:00", "opened"),
        ("14:20", "triaged"),
        ("14:20", "waiting_on_customer"),
        ("14:20", "assigned"),
        ("14:20", "agent_replied"),
        ("15:00", "waiting_on_provider"),
        ("15:00", "requester_replied"),
        ("16:00", "resolved"),
        ("17:00", "reopened"),
        ("17:00", "waiting_on_provider"),
        ("17:00", "requester_replied"),
        ("18:00", "closed"),
    ]
    opened, triaged = events[0], events[1]
    # What the priority was at the opening: where its first change came from.
    assert (opened["severity"], triaged["severity"]) == ("p3", "p1")
    assert (opened["channel"], opened["customer"]) == ("portal", "33")
    assert [each["sequence"] for each in events] == list(range(1, 13))
    assert report.missing == {Missing("value of status", "frozen"): 1}
    assert (report.tickets, report.facts, report.skipped) == (1, 12, 0)


def test_zendesk_comments_serve_where_there_are_no_audits() -> None:
    ticket = {
        "id": 8,
        "created_at": AT.format("14:00"),
        "requester_id": 1,
        "priority": None,
        "via": {"channel": "email"},
        "metric_set": {"solved_at": AT.format("19:00")},
        "comments": [
            {"author_id": 1, "public": True, "created_at": AT.format("14:00")},
            {"author_id": 9, "public": True, "created_at": AT.format("15:00")},
        ],
    }
    facts, events, report = imported("zendesk", ticket)
    assert facts == [("14:00", "opened"), ("15:00", "agent_replied"), ("19:00", "resolved")]
    assert "severity" not in events[0]
    assert not report.missing


def test_zendesk_events_of_the_incremental_export_stand_beside_the_ticket() -> None:
    event = {
        "ticket_id": 8,
        "created_at": AT.format("15:00"),
        "updater_id": 9,
        "child_events": [
            {"id": 3, "event_type": "Change", "status": "solved", "previous_value": "open"},
            {"id": 4, "event_type": "Comment", "comment_public": False},
        ],
    }
    change, message = (entry for _, entry in ADAPTERS["zendesk"].beside(event))
    assert change == (AT.format("15:00"), "status", "open", "solved", 9)
    assert message[1] == "internal"


def test_zammad_history_and_articles() -> None:
    def history(at: str, attribute: str, before: str, after: str) -> dict[str, Any]:
        return {"object": "Ticket", "type": "updated", "attribute": attribute, "o_id": 5,
                "value_from": before, "value_to": after, "created_at": AT.format(at),
                "created_by_id": 3}  # fmt: skip

    def article(at: str, sender: str, kind: str = "email", **more: bool) -> dict[str, Any]:
        return {"ticket_id": 5, "sender": sender, "type": kind, "created_at": AT.format(at),
                "created_by_id": 3, **more}  # fmt: skip

    ticket = {
        "id": 5,
        "number": "22005",
        "created_at": AT.format("14:00"),
        "customer_id": 4,
        "priority": "3 high",
        "create_article_type": "phone",
        "history": [
            history("14:30", "state", "new", "pending reminder"),
            history("15:00", "state", "pending reminder", "open"),
            history("16:00", "state", "open", "merged"),
        ],
        "articles": [
            article("14:00", "Customer"),
            article("14:00", "System"),  # the automatic acknowledgement is no answer
            article("14:10", "Agent", "note", internal=True),
            article("14:30", "Agent"),
            article("15:00", "Customer"),
        ],
    }
    facts, events, _ = imported("zammad", ticket)
    assert facts == [
        ("14:00", "opened"),
        ("14:30", "waiting_on_customer"),
        ("14:30", "agent_replied"),
        ("15:00", "waiting_on_provider"),
        ("15:00", "requester_replied"),
        ("16:00", "closed"),
    ]
    assert events[-1]["reason"] == "merged"
    assert events[0]["ticket_number"] == "22005"
    assert (events[0]["severity"], events[0]["channel"]) == ("p1", "phone")


def test_jira_changelog_and_comments() -> None:
    def history(at: str, field: str, before: str, after: str) -> dict[str, Any]:
        item = {"field": field, "fromString": before, "toString": after}
        return {"created": f"2026-03-02T{at}:00.000+0100", "author": {"accountId": "ann"},
                "items": [item]}  # fmt: skip

    comments = [
        {"created": "2026-03-02T15:30:00.000+0100", "author": {"accountId": "ann"},
         "jsdPublic": False},
        {"created": "2026-03-02T15:40:00.000+0100", "author": {"accountId": "ann"},
         "jsdPublic": True},
        {"created": "2026-03-02T15:50:00.000+0100", "author": {"accountId": "rita"}},
    ]  # fmt: skip
    issue = {
        "key": "HELP-9",
        "fields": {
            "created": "2026-03-02T15:00:00.000+0100",
            "priority": {"name": "High"},
            "reporter": {"accountId": "rita"},
            "comment": {"comments": comments},
        },
        "changelog": {
            "histories": [
                history("15:20", "priority", "Low", "High"),
                history("16:00", "status", "Waiting for support", "Resolved"),
                history("17:00", "status", "Resolved", "Waiting for support"),
            ]
        },
    }
    facts, events, _ = imported("jira", issue)
    assert facts == [
        ("14:00", "opened"),
        ("14:20", "triaged"),
        ("14:40", "agent_replied"),
        ("14:50", "requester_replied"),
        ("15:00", "resolved"),
        ("16:00", "reopened"),
        ("16:00", "waiting_on_provider"),
    ]
    assert (events[0]["severity"], events[1]["severity"]) == ("p3", "p2")
    assert events[0]["ticket_number"] == "HELP-9"


CSV_MAP = """
from: csv
zone: America/Toronto
time_format: "%d.%m.%Y %H:%M"
delimiter: ";"
id: Case
opened: Opened
attributes:
  severity: {from: Urgency, values: {Hoch: p1, Normal: p3}}
times:
  - {at: First answer, fact: {fact: agent_replied, with: {is_initial_response: true}}}
  - {at: Solved, fact: resolved}
"""


def test_csv_with_local_times_and_words_of_its_own(tmp_path: Path) -> None:
    mapping, export = tmp_path / "map.yaml", tmp_path / "cases.csv"
    mapping.write_text(CSV_MAP)
    export.write_text(
        "\ufeffCase;Opened;First answer;Solved;Urgency\n"
        "1;08.03.2026 01:30;08.03.2026 03:30;;Hoch\n"
        '2;09.03.2026 10:00;;09.03.2026 12:00;"Sehr\nhoch"\n'
        "3;;;;Normal\n",
        encoding="utf-8",
    )
    report, events = Report(), list[dict[str, Any]]()
    importer = Importer(load_mapping(mapping, "csv"), "vircom", report)
    for row in csv_records(export, ";", "Case", lambda _: None):
        events += importer.events(row, [])
    # The clocks go forward in between: one hour apart.
    assert [(each["ticket_number"], each["occurred_at"]) for each in events] == [
        ("1", "2026-03-08T06:30:00Z"),
        ("1", "2026-03-08T07:30:00Z"),
        ("2", "2026-03-09T14:00:00Z"),
        ("2", "2026-03-09T16:00:00Z"),
    ]
    assert events[1]["is_initial_response"] is True
    assert report.skipped == 1
    assert set(report.missing) == {
        Missing("value of Urgency", "Sehr\nhoch"),
        Missing("time of Opened", ""),
    }


def test_csv_with_a_row_for_each_event_in_any_order(tmp_path: Path) -> None:
    mapping = tmp_path / "map.yaml"
    mapping.write_text(
        """
from: csv
id: id
attributes: {severity: {from: level}}
events:
  at: at
  type: what
  types: {created: opened, answer: agent_replied, note: null}
"""
    )
    report = Report()
    importer = Importer(load_mapping(mapping, "csv"), "vircom", report)
    rows = [
        {"id": "1", "at": "2026-03-02T10:00:00Z", "what": "answer", "level": ""},
        {"id": "1", "at": "2026-03-02T09:00:00Z", "what": "created", "level": "p2"},
        {"id": "1", "at": "2026-03-02T11:00:00Z", "what": "note", "level": ""},
        {"id": "1", "at": "2026-03-02T12:00:00Z", "what": "sang", "level": ""},
    ]
    events = importer.rows(rows)
    assert [each["type"].split(".")[2] for each in events] == ["opened", "agent_replied"]
    assert events[0]["severity"] == "p2"
    assert report.missing == {Missing("value of what", "sang"): 1}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("from: zendesk\nid: id\nopened: o\n", 1, "is for zendesk"),
        ("from: csv\nid: id\n", 1, "`opened` is missing"),
        ("from: csv\nid: id\nopened: o\nzone: Mars/Base\n", 4, "`Mars/Base` is no time zone"),
        ("from: csv\nid: id\nopened: o\ntimes:\n  - {at: s, fact: resolvd}\n", 5, "`resolvd`"),
        ("from: csv\nid: id\nopened: o\ntimes:\n  - {at: s, fact: escalated}\n", 0, ""),
        ("from: csv\nid: id\nopened: o\ntimes:\n  - {at: s, fact: merged}\n", 5, "into_id"),
        ("from: csv\nid: id\nopened: o\nattributes: {mood: {from: m}}\n", 4, "mood"),
    ],
)
def test_a_mapping_with_a_mistake_says_where(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    if not message:
        assert load_mapping(path, "csv").times[0].fact.fact == "escalated"
        return
    with pytest.raises(DeskFileError) as caught:
        load_mapping(path, "csv")
    problem = caught.value.problems[0]
    assert (problem.line, message in problem.message) == (line, True), problem


RECORDS = [{"id": 1}, {"id": 2, "subject": 'a "quoted", {braced} [text]'}, {"id": 3}]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, RECORDS)),
        json.dumps(RECORDS),
        json.dumps({"count": 3, "tickets": RECORDS, "next_page": None}, indent=1),
        json.dumps({"next": {"a": []}, "tickets": RECORDS[:2]})
        + "\n"
        + json.dumps({"tickets": RECORDS[2:]}),
    ],
    ids=["lines", "list", "document", "pages, one a line"],
)
def test_json_comes_as_lines_as_a_list_and_in_pages(tmp_path: Path, text: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(text)
    assert list(json_records(path, ("tickets",), lambda _: None)) == RECORDS


@pytest.mark.parametrize("text", ['{"tickets": [{"id": 1}, ', "[1, 2", "hello", '{"id": 1}\n{"i'])
def test_json_that_is_cut_off_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(text)
    with pytest.raises(BadExport, match=r"export\.json"):
        list(json_records(path, ("tickets",), lambda _: None))


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.floats())


@given(
    st.sampled_from(["zendesk", "zammad", "jira"]),
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(
                ["id", "key", "created_at", "fields", "created", "audits", "events", "type",
                 "history", "articles", "changelog", "histories", "items", "comment", "author",
                 "via", "field_name", "value", "object", "attribute", "sender"]
            ),
            inner,
            max_size=4,
        ),
        max_leaves=20,
    ),
)  # fmt: skip
def test_whatever_stands_in_a_ticket_nothing_raises(source: Source, value: object) -> None:
    ticket = value if isinstance(value, dict) else {"id": 1, "created_at": value}
    _, events, report = imported(source, ticket)
    assert report.tickets == bool(events)


def test_ids_are_the_same_in_each_run_and_apart_between_sources() -> None:
    def ids(events: Iterable[dict[str, Any]]) -> set[str]:
        return {each["ticket_id"] for each in events}

    first, again = imported("zendesk", ZENDESK)[1], imported("zendesk", ZENDESK)[1]
    assert ids(first) == ids(again)
    other = {"id": 7, "created_at": AT.format("14:00")}
    assert ids(first) != ids(imported("zammad", other)[1])


def test_csv_without_the_column_of_the_id_is_no_export(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    for text in ("", "number,opened\n1,2026-03-02\n", json.dumps(RECORDS)):
        path.write_text(text)
        with pytest.raises(BadExport, match="the first row has no column `id`"):
            list(csv_records(path, ",", "id", lambda _: None))


def test_half_a_surrogate_pair_is_written_as_a_question_mark() -> None:
    ticket = json.loads(
        '{"id": "\\ud800", "created_at": "2026-03-02T14:00:00Z", "priority": "\\ud800"}'
    )
    _, events, report = imported("zendesk", ticket)
    assert events[0]["ticket_number"] == "?"
    assert report.missing == {Missing("value of priority", "?"): 1}
