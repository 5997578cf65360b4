from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict
from typer.testing import CliRunner

from pledge.runtime.cli import desk_commands
from pledge.runtime.cli import root as cli
from pledge.runtime.cli.root import CommandError
from pledge.runtime.desk_file.load import read_desk_file
from pledge.runtime.desk_file.summary import DeskFileReport
from pledge.runtime.postgres.migrations import Migrations
from pledge.runtime.service.description import ServiceDescription

TEMPLATE = "# The rules of {desk}.\nname: {desk}\n"


class DeskFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str


def check_file(path: Path) -> DeskFileReport:
    return DeskFileReport(read_desk_file(path, DeskFile)[1])


@pytest.fixture(autouse=True)
def two_services(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Migrations("x", Path())
    described = {
        "intake": ServiceDescription("intake", nothing, check_file, TEMPLATE, DeskFile),
        "sla": ServiceDescription("sla", nothing, check_file),
        "plain": ServiceDescription("plain", nothing),
    }
    monkeypatch.setattr(cli, "services", lambda: described)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(desk_commands.app, list(arguments))
    if isinstance(result.exception, CommandError):
        return 2, str(result.exception)
    return result.exit_code, result.output


def a_desk(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_right_desk_is_said_to_be_right(tmp_path: Path) -> None:
    desk = a_desk(tmp_path / "demo", intake="name: demo", sla="name: demo")
    assert run("check", str(desk)) == (0, "demo: no problem found\n")


@pytest.mark.parametrize("way", [".", "notes/.."])
def test_the_desk_is_named_also_where_one_stands_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    desk = a_desk(tmp_path / "demo", intake="name: demo", sla="name: demo")
    (desk / "notes").mkdir()
    monkeypatch.chdir(desk)
    assert run("check", way) == (0, "demo: no problem found\n")


def test_a_folder_that_is_a_link_is_a_desk_by_the_name_of_the_link(tmp_path: Path) -> None:
    released = a_desk(tmp_path / "2026_11", intake="name: demo", sla="name: demo")
    (tmp_path / "demo").symlink_to(released)
    assert run("check", str(tmp_path / "demo")) == (0, "demo: no problem found\n")


def test_problems_of_all_desks_and_files_are_listed_with_their_places(tmp_path: Path) -> None:
    one = a_desk(tmp_path / "one", intake="nmae: one", sla="name: one")
    two = a_desk(tmp_path / "two", intake="name: two", sla="name: [")
    status, text = run("check", str(one), str(two))
    assert status == 1
    assert text.splitlines()[:2] == [
        f"{one}/intake.yaml:1:1: `name` is missing",
        f"{one}/intake.yaml:1:1: `nmae` is not known here (did you mean `name`?)",
    ]
    assert f"{two}/sla.yaml:" in text


def test_missing_and_unread_files_are_warnings_only(tmp_path: Path) -> None:
    desk = a_desk(tmp_path / "demo", intake="name: demo", slaa="name: demo")
    (desk / "intake.yml").write_text("name: demo")
    (desk / "notes.txt").write_text("notes")
    status, text = run("check", str(desk))
    assert status == 0
    assert f"{desk}/sla.yaml:1:1: warning: is missing, so sla will not serve this desk" in text
    assert f"{desk}/slaa.yaml:1:1: warning: no service reads this file" in text
    assert f"{desk}/intake.yml:1:1: warning: no service reads this file" in text
    assert "notes.txt" not in text


def test_programs_get_json(tmp_path: Path) -> None:
    desk = a_desk(tmp_path / "demo", intake="nmae: demo", sla="name: demo")
    status, text = run("check", "--json", str(desk))
    assert status == 1
    told = json.loads(text)
    assert told["ok"] is False
    assert told["problems"][1] == {
        "file": f"{desk}/intake.yaml",
        "line": 1,
        "column": 1,
        "message": "`nmae` is not known here",
        "hint": "did you mean `name`?",
        "severity": "error",
    }


@pytest.mark.parametrize("name", ["Demo", "a_b", "-x", "x" * 64])
def test_folder_whose_name_can_be_no_id_is_a_problem(tmp_path: Path, name: str) -> None:
    desk = a_desk(tmp_path / name, intake="name: x", sla="name: x")
    status, text = run("check", str(desk))
    assert status == 1
    assert "small letters, digits and dashes" in text


def test_folder_that_is_none_is_a_problem(tmp_path: Path) -> None:
    assert run("check", str(tmp_path / "none")) == (1, f"{tmp_path}/none:1:1: is not a folder\n")


def test_new_desk_is_valid_as_it_stands(tmp_path: Path) -> None:
    desk = tmp_path / "desks" / "acme"
    status, text = run("new", str(desk))
    assert status == 0
    assert f"wrote {desk}/intake.yaml" in text
    assert (desk / "intake.yaml").read_text() == "# The rules of acme.\nname: acme\n"
    assert run("check", str(desk))[0] == 0


def test_existing_desk_is_not_overwritten(tmp_path: Path) -> None:
    desk = a_desk(tmp_path / "acme", intake="name: mine")
    status, text = run("new", str(desk))
    assert status == 2
    assert "is there already; nothing was written" in text
    assert (desk / "intake.yaml").read_text() == "name: mine"


def test_new_desk_needs_a_name_that_can_be_its_id(tmp_path: Path) -> None:
    status, text = run("new", str(tmp_path / "Acme Inc"))
    assert status == 2
    assert "`Acme Inc` can't be a desk's id" in text
    assert list(tmp_path.iterdir()) == []


def test_new_desk_where_a_file_stands_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "acme").write_text("a file")
    status, text = run("new", str(tmp_path / "acme"))
    assert status == 2
    assert "can't be written" in text


def test_schema_is_json_schema() -> None:
    status, text = run("schema", "intake")
    assert status == 0
    assert json.loads(text)["properties"]["name"]["type"] == "string"


@pytest.mark.parametrize(
    ("service", "told"),
    [("fax", "there is no service `fax`; there are intake, sla, plain"), ("sla", "README")],
)
def test_schema_that_does_not_exist_is_said_so(service: str, told: str) -> None:
    status, text = run("schema", service)
    assert status == 2
    assert told in text


def test_a_folder_of_desks_stands_for_its_desks(tmp_path: Path) -> None:
    group = tmp_path / "examples"
    group.mkdir()
    a_desk(group / "one", intake="name: one", sla="name: one")
    a_desk(group / "two", intake="nam: two", sla="name: two")
    code, output = run("check", str(group))
    assert code == 1
    assert f"{group / 'two' / 'intake.yaml'}:1:1:" in output
    assert "one" not in output.replace(str(group), "")
