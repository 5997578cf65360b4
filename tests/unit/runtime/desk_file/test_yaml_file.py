from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator

from pledge.runtime.desk_file.load import read_desk_file
from pledge.runtime.desk_file.problem import DeskFileError, Problem
from pledge.runtime.desk_file.yaml_file import MAX_BYTES, MAX_DEPTH, Document, load, parse

FILE = Path("desk.yaml")
DESKS = Path(__file__).parents[4] / "deploy" / "desks"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Window(Strict):
    days: list[str]
    opens: time
    closes: time


class Email(Strict):
    kind: Literal["email"]
    address: str


class Phone(Strict):
    kind: Literal["phone"]
    number: str


class Desk(Strict):
    name: str
    severity: Literal["critical", "normal"] = "normal"
    windows: list[Window] = []
    channels: list[Annotated[Email | Phone, Field(discriminator="kind")]] = []
    targets: dict[str, Window] = {}
    reply_to: str | None = Field(None, alias="reply-to")

    @field_validator("name")
    @classmethod
    def no_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("must not be blank")
        return value


def data(text: str) -> Any:
    return parse(text, FILE).data


def problem(text: str) -> str:
    with pytest.raises(DeskFileError) as wrong:
        parse(text, FILE)
    return str(wrong.value)


def check(tmp_path: Path, text: str) -> tuple[Desk | None, list[str]]:
    path = tmp_path / "desk.yaml"
    path.write_text(text)
    desk, problems = read_desk_file(path, Desk)
    return desk.model if desk else None, [str(one).removeprefix(f"{tmp_path}/") for one in problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("08:00", "08:00"),
        ("1:30", "1:30"),
        ("2026-01-31", "2026-01-31"),
        ("0123", "0123"),
        ("+15550101", "+15550101"),
        ("1_000", "1_000"),
        ("0x1f", "0x1f"),
        (".inf", ".inf"),
        ("9" * 5000, "9" * 5000),
        ("'12'", "12"),
        ('"a\\tb"', "a\tb"),
        ("!!str 12", "12"),
    ],
)
def test_scalars_mean_what_people_mean(text: str, value: object) -> None:
    found = data(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text() -> None:
    assert data("501: a\ntrue: b\nnull: c\n1.5: d") == {
        "501": "a",
        "true": "b",
        "null": "c",
        "1.5": "d",
    }


def test_every_place_is_known() -> None:
    document = parse("name: x\nwindows:\n  - days: [Mon, Tue]\n    opens: 08:00\n", FILE)
    assert document.where(("name",)) == (1, 7)
    assert document.where(("windows", 0)) == (3, 5)
    assert document.where(("windows", 0, "days", 1)) == (3, 17)
    assert document.where_key(("windows", 0, "opens")) == (4, 5)
    assert document.where(("windows", 0, "opens")) == (4, 12)
    assert document.where(("windows", 7, "opens")) == (3, 3)
    assert document.where(("nothing",)) == (1, 1)


def test_aliases_stand_for_what_they_name() -> None:
    assert data("a: &x {b: 1}\nc: *x\nd: [*x, *x]") == {
        "a": {"b": 1},
        "c": {"b": 1},
        "d": [{"b": 1}, {"b": 1}],
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "desk.yaml:1:1: is empty"),
        ("# nothing\n", "desk.yaml:1:1: is empty"),
        ("a: 1\nb: 2\na: 3", "desk.yaml:3:1: `a` is here a second time (first on line 1)"),
        ("a: {b: 1, b: 2}", "desk.yaml:1:11: `b` is here a second time (first on line 1)"),
        ("a: 1\n---\nb: 2", "desk.yaml:2:1: has a second document; keep one"),
        ("a: *x", "desk.yaml:1:4: the alias *x has no anchor before it"),
        ("a: &x [*x]", "desk.yaml:1:8: the alias *x has no anchor before it"),
        (
            "a: &x {b: 1}\nc:\n  <<: *x",
            "desk.yaml:3:3: merge keys (<<) are not supported (write the entries out)",
        ),
        ("? [a, b]\n: c", "desk.yaml:1:3: a key must be plain text"),
        ("a: !!python/name:os.system", "desk.yaml:1:4: the tag tag:yaml.org,2002:python/name"),
        ("a: !!python/object/apply:os.system [id]", "desk.yaml:1:4: the tag"),
        ("a: !!set {b}", "desk.yaml:1:4: the tag"),
        ("!!binary a: b", "desk.yaml:1:1: the tag"),
        ('a: "x\\0y"', "desk.yaml:1:4: holds a NUL"),
        ('a: "\\ud800"', "desk.yaml:1:"),
        ('"\\0": 1', "desk.yaml:1:1: holds a NUL"),
        ("a: [1, 2", "desk.yaml:"),
        ("a:\n\tb: 1", "desk.yaml:2:1: is not valid YAML"),
        ("a: b: c", "desk.yaml:1:5: is not valid YAML"),
        ("a: @b", "desk.yaml:1:4: is not valid YAML"),
        ("[" * 5000, f"desk.yaml:1:{MAX_DEPTH + 2}: is nested more than {MAX_DEPTH} levels deep"),
        ("a:\n" + "- " * 5000, f"is nested more than {MAX_DEPTH} levels deep"),
    ],
)
def test_what_is_refused_is_told_with_its_place(text: str, told: str) -> None:
    assert told in problem(text)


def test_a_billion_laughs_end_early() -> None:
    levels = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for level in range(1, 12):
        levels.append(f"a{level}: &a{level} [" + ", ".join([f"*a{level - 1}"] * 10) + "]")
    assert "comes to more than 100000 values" in problem("\n".join(levels))


@given(st.text(max_size=200))
def test_any_text_is_either_read_or_explained(text: str) -> None:
    found: Document | Problem
    try:
        found = parse(text, FILE)
    except DeskFileError as error:
        found = error.problems[0]
    if isinstance(found, Problem):
        assert 1 <= found.line <= len(text) + 2
        assert found.column >= 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a: 1\nb: \xff", "2:4: is not UTF-8 text"),
        (b"\xff\xfea\x00", "1:1: is not UTF-8 text"),
        (b"#" * (MAX_BYTES + 1), "1:1: is larger than 512 KiB"),
        (b"a: \x07", "1:4: is not valid YAML"),
    ],
)
def test_content_that_is_no_text_is_explained(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "desk.yaml"
    path.write_bytes(content)
    with pytest.raises(DeskFileError) as wrong:
        load(path)
    assert str(wrong.value).startswith(f"{path}:{told}")


def test_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "desk.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x")
    assert load(path).data == {"name": "x"}


def test_missing_file_and_folder_are_explained(tmp_path: Path) -> None:
    assert [str(one) for one in read_desk_file(tmp_path / "no.yaml", Desk)[1]] == [
        f"{tmp_path}/no.yaml:1:1: can't be read: No such file or directory"
    ]
    assert "can't be read" in str(read_desk_file(tmp_path, Desk)[1][0])


def test_right_file_becomes_the_model(tmp_path: Path) -> None:
    desk, problems = check(
        tmp_path,
        "name: Demo\nwindows:\n- {days: [Mon], opens: 08:00, closes: '17:00'}\nreply-to: a@b\n",
    )
    assert problems == []
    assert desk is not None
    assert desk.windows[0].opens == time(8)
    assert desk.reply_to == "a@b"


def test_all_problems_are_told_in_file_order(tmp_path: Path) -> None:
    text = """\
nmae: Demo
severity: criticl
windows:
  - days: [Mon]
    opens: 8 o'clock
    closes: 17:00
    zone: UTC
channels:
  - kind: email
    adress: a@b
  - kind: fax
targets:
  p1: {days: [Mon], opens: 08:00}
"""
    desk, problems = check(tmp_path, text)
    assert desk is None
    assert problems == [
        "desk.yaml:1:1: `name` is missing",
        "desk.yaml:1:1: `nmae` is not known here (did you mean `name`?)",
        "desk.yaml:2:11: `severity` should be 'critical' or 'normal', not 'criticl'"
        " (did you mean `critical`?)",
        "desk.yaml:5:12: `opens` should be in a valid time format, invalid character in hour,"
        ' not "8 o\'clock"',
        "desk.yaml:7:5: `zone` is not known here (known: closes, days, opens)",
        "desk.yaml:9:5: `address` is missing",
        "desk.yaml:10:5: `adress` is not known here (did you mean `address`?)",
        "desk.yaml:11:11: `kind` is not known: 'fax' (known: email, phone)",
        "desk.yaml:13:3: `closes` is missing",
    ]


def test_number_where_text_is_meant_is_told_to_be_quoted(tmp_path: Path) -> None:
    assert check(tmp_path, "name: 501")[1] == [
        "desk.yaml:1:7: `name` should be a valid string, not 501 (put it in quotes)"
    ]


def test_own_validators_speak_for_themselves(tmp_path: Path) -> None:
    assert check(tmp_path, "name: ' '")[1] == ["desk.yaml:1:7: `name` must not be blank, not ' '"]


@pytest.mark.parametrize("text", ["- a", "text", "12", "~"])
def test_file_that_is_no_mapping_is_told_what_it_should_be(tmp_path: Path, text: str) -> None:
    assert check(tmp_path, text)[1] == [
        "desk.yaml:1:1: should be a mapping with `key: value` lines"
    ]


def test_warning_says_that_it_is_one() -> None:
    told = Problem(FILE, 3, 1, "is odd", severity="warning")
    assert str(told) == "desk.yaml:3:1: warning: is odd"


@pytest.mark.skipif(not hasattr(yaml, "CSafeLoader"), reason="PyYAML without libyaml")
@pytest.mark.parametrize(
    "file", sorted(DESKS.glob("*/*.yaml")), ids=lambda file: f"{file.parent.name}-{file.stem}"
)
def test_a_desk_that_pledge_ships_reads_the_same_without_libyaml(file: Path) -> None:
    text = file.read_text(encoding="utf-8")

    with_libyaml = yaml.load(text, yaml.CSafeLoader)

    assert yaml.load(text, yaml.SafeLoader) == with_libyaml
