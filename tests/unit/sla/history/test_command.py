"""`pledge sla import`, and what is asked of the file that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pledge.runtime.cli.root import CommandError
from sla.cli.root import app
from support.world import DESKS

VIRCOM = str(DESKS / "vircom")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=True)


def ticket(number: int, answered: str, priority: str = "urgent") -> dict[str, Any]:
    day = f"2026-03-{number:02}"
    return {
        "id": number,
        "created_at": f"{day}T14:00:00Z",
        "requester_id": 1,
        "priority": priority,
        "via": {"channel": "email"},
        "comments": [
            {"author_id": 1, "public": True, "created_at": f"{day}T14:00:00Z"},
            {"author_id": 2, "public": True, "created_at": f"{day}T{answered}:00Z"},
        ],
        "metric_set": {"solved_at": f"{day}T16:00:00Z"},
    }


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.json"
    tickets = [ticket(2, "14:10"), ticket(3, "14:50"), ticket(4, "14:20", "purple")]
    path.write_text(json.dumps({"tickets": tickets}))
    return path


def test_last_year_is_asked_what_a_policy_would_have_kept_of_it(
    export: Path, tmp_path: Path
) -> None:
    out = tmp_path / "history.jsonl"
    result = run("import", "--from", "zendesk", export, "--desk", VIRCOM, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["tickets"], report["facts"], report["skipped"]) == (3, 9, 0)
    assert report["unmapped"] == [
        {"what": "value of priority", "value": "purple", "times": 1, "ticket": "4"}
    ]

    softer = tmp_path / "softer"
    softer.mkdir()
    text = (DESKS / "vircom" / "sla.yaml").read_text()
    (softer / "sla.yaml").write_text(text.replace("within: 30m", "within: 1h"))
    asked = ("what-if", "--policy", VIRCOM, "--against", softer, "--facts", out, "--json")
    answer = json.loads(run(*asked).stdout)
    assert answer["tickets"] == 3
    first = next(
        each
        for each in answer["attainment"]
        if (each["metric"], each["severity"]) == ("first_response", "p1")
    )
    assert (first["then"]["kept"], first["now"]["kept"], first["now"]["missed"]) == (2, 1, 1)
    assert [(each["number"], each["what"]) for each in answer["breaches"]] == [("3", "new")]

    limited = json.loads(run(*asked, "--since", "2026-03-03", "--until", "2026-03-04").stdout)
    assert limited["tickets"] == 1

    rows = json.loads(
        run(
            "report", "attainment", "--facts", out, "--policy", VIRCOM, "--by", "severity,month",
            "--json",
        ).stdout
    )["items"]  # fmt: skip
    assert {"metric": "first_response", "severity": "p1", "month": "2026-03", "kept": 1,
            "missed": 1, "attainment": 0.5} in rows  # fmt: skip


def test_files_that_exist_are_kept_and_nothing_half_written_stays(
    export: Path, tmp_path: Path
) -> None:
    out = tmp_path / "history.jsonl"
    out.write_text("mine")
    result = run("import", "--from", "zendesk", export, "--out", out)
    assert isinstance(result.exception, CommandError)
    assert "--force" in str(result.exception)
    assert out.read_text() == "mine"

    export.write_text('{"tickets": [{"id": 1, ')
    fresh = tmp_path / "fresh.jsonl"
    result = run("import", "--from", "zendesk", export, "--out", fresh)
    assert isinstance(result.exception, CommandError)
    assert "is not JSON" in str(result.exception)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["history.jsonl", "tickets.json"]


def test_the_mapping_that_comes_with_it_is_written_to_be_edited(
    export: Path, tmp_path: Path
) -> None:
    mapping, out = tmp_path / "map.yaml", tmp_path / "history.jsonl"
    assert run("import", "--from", "zendesk", "--write-map", mapping).exit_code == 0
    mapping.write_text(mapping.read_text().replace("urgent: p1", "urgent: p9"))
    asked = ("import", "--from", "zendesk", export, "--map", mapping, "--out", out)
    result = run(*asked, "--desk", VIRCOM)
    assert isinstance(result.exception, CommandError)
    assert "severity p9, which vircom does not have: there are p1, p2, p3" in str(result.exception)
    assert run(*asked).exit_code == 0


def test_lines_of_a_ticket_must_stand_together(export: Path, tmp_path: Path) -> None:
    out = tmp_path / "history.jsonl"
    run("import", "--from", "zendesk", export, "--out", out)
    lines = out.read_text().splitlines()
    out.write_text("\n".join([*lines[1:], lines[0]]))
    result = run("what-if", "--policy", VIRCOM, "--facts", out)
    assert isinstance(result.exception, CommandError)
    assert "sort the file by ticket" in str(result.exception)


def test_an_export_without_a_ticket_writes_nothing(tmp_path: Path) -> None:
    export, out = tmp_path / "tickets.json", tmp_path / "history.jsonl"
    export.write_text('{"tickets": []}')
    result = run("import", "--from", "zendesk", export, "--out", out)
    assert "no ticket was found" in str(result.exception)
    assert not out.exists()
