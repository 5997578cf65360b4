"""Reading the files of desks: each once, with every problem of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from pledge.runtime.desk_file.load import (
    DeskFile,
    check_folder_name,
    desk_of,
    load_each,
    read_desk_file,
)
from pledge.runtime.desk_file.model import Part, Slug, Zone
from pledge.runtime.desk_file.problem import DeskFileError, Problem
from pledge.runtime.desk_file.template import DeskExists, write_desk
from pledge.runtime.desk_file.yaml_file import Document
from pledge.runtime.desk_file.zones import UnknownZone, zone_or_offset
from pledge.runtime.durations import Duration


class RulesFile(Part):
    desk: str | None = None
    zone: Zone = "Etc/UTC"
    every: Duration = timedelta(minutes=1)


def check_pace(document: Document, model: RulesFile) -> Iterator[Problem]:
    if model.every > timedelta(days=1):
        yield document.problem(("every",), "is too slow", "write at most 1d")


def read(path: Path) -> tuple[DeskFile[RulesFile] | None, list[Problem]]:
    return read_desk_file(path, RulesFile, check_folder_name, check_pace)


def write(folder: Path, desk: str, text: str) -> Path:
    path = folder / desk / "rules.yaml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


def test_a_right_file_is_its_model_and_its_places(tmp_path: Path) -> None:
    path = write(tmp_path, "acme", "desk: acme\nevery: 1h30m\n")
    file, problems = read(path)
    assert file is not None
    assert (problems, file.is_usable) == ([], True)
    assert file.model.every == timedelta(minutes=90)
    assert file.document.where(("every",)) == (2, 8)
    assert file.document.text == "desk: acme\nevery: 1h30m\n"


def test_problems_of_all_checks_come_in_file_order(tmp_path: Path) -> None:
    path = write(tmp_path, "acme", "every: 2d\ndesk: bolt\n")
    file, problems = read(path)
    assert file is not None
    assert not file.is_usable
    assert [str(one).removeprefix(f"{path}:") for one in problems] == [
        "1:8: is too slow (write at most 1d)",
        "2:7: the file is of the desk `bolt` but in the folder `acme`"
        " (write `desk: acme`, or rename the folder: its name is the desk's id)",
    ]


def test_the_desk_is_named_by_its_folder_however_the_way_to_it_is_written(tmp_path: Path) -> None:
    path = write(tmp_path, "acme", "desk: acme")
    (tmp_path / "acme" / "notes").mkdir()
    for folder in (path.parent / "notes" / "..", tmp_path / "acme" / ".." / "acme"):
        assert desk_of(folder / path.name) == "acme"
    linked = tmp_path / "bolt"
    linked.symlink_to(path.parent)
    assert desk_of(linked / path.name) == "bolt"


@pytest.mark.parametrize("text", ["every: soon", "every: [", "", "- a"])
def test_a_file_of_another_shape_is_none(tmp_path: Path, text: str) -> None:
    file, problems = read(write(tmp_path, "acme", text))
    assert file is None
    assert problems


def test_every_desk_of_a_folder_is_loaded_with_the_errors_of_all(tmp_path: Path) -> None:
    for desk, text in {"acme": "desk: acme", "bolt": "every: soon", "cog": "zone: Mars"}.items():
        write(tmp_path, desk, text)
    found, errors = load_each(tmp_path, "rules.yaml", read)
    assert list(found) == ["acme"]
    assert [desk_of(one.file) for one in errors] == ["bolt", "cog"]
    error = DeskFileError(errors)
    assert all(str(one) in str(error) for one in errors)


def test_a_text_of_another_form_says_which_is_wanted_and_editors_see_the_expression() -> None:
    form = TypeAdapter(Slug)
    assert form.validate_python("first-line") == "first-line"
    for wrong in ("First Line", "first-line\n", "-", ""):
        with pytest.raises(ValidationError, match="such as first-line"):
            form.validate_python(wrong)
    assert form.json_schema()["pattern"].startswith("^[a-z0-9]")


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("Europe/Pariss", "did you mean Europe/Paris?"),
        ("posixrules", "no time zone that every machine has"),
        ("right/Europe/Paris", "no time zone that every machine has"),
        ("GMT-5", "is no time zone"),
        ("../etc/passwd", "is no time zone"),
    ],
)
def test_zones_are_iana_names(tmp_path: Path, zone: str, message: str) -> None:
    _, problems = read(write(tmp_path, "acme", f"zone: {zone}"))
    assert message in str(problems[0])


def test_fixed_offsets_read_as_people_write_them() -> None:
    for text, hours in {"GMT-5": -5, "UTC+05:30": 5.5, "-05:00": -5, "z": 0}.items():
        assert zone_or_offset(text).utcoffset(None) == timedelta(hours=hours)
    with pytest.raises(UnknownZone) as refused:
        zone_or_offset("GMT+19")
    assert "18 hours" in refused.value.hint


def test_a_desk_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    templates = {"a.yaml": "desk: {desk}\n", "b.yaml": "# {desk}: {{ kept }}\n"}
    first, second = write_desk(tmp_path / "acme", templates)
    assert first.read_text(encoding="utf-8") == "desk: acme\n"
    assert second.read_text(encoding="utf-8") == "# acme: {{ kept }}\n"
    first.unlink()
    with pytest.raises(DeskExists, match=r"b\.yaml is there already; nothing was written"):
        write_desk(tmp_path / "acme", templates)
    assert not first.exists()
