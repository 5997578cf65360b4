"""Canned answers: what a text may name, and how it is filled in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.desk_file.load import check_desk_file, load_desk
from intake.domain.canned_answers import VARIABLES, CannedAnswer, filled, unknown_variables
from support.cluster import ROOT

FILE = ROOT / "deploy" / "desks" / "vircom" / "intake.yaml"


VALUES = {"requester": "Ann Example", "ticket": "VIR-7", "agent": "kim", "customer": None}


def fill(text: str, **values: str | None) -> str:
    return filled(CannedAnswer("a", "A", text), {**VALUES, **values})


def test_variables_are_filled_in() -> None:
    text = "Dear {{requester}}, on {{ ticket }}{{  customer}}: {{ agent }}"
    assert fill(text) == "Dear Ann Example, on VIR-7: kim"


def test_what_is_not_known_is_said_otherwise() -> None:
    text = "Dear {{ requester | Sir or Madam }}, {{product}}{{ customer |}}."
    assert fill(text, requester="") == "Dear Sir or Madam, ."


def test_a_value_is_never_filled_in_itself() -> None:
    assert fill("{{ subject }}", subject="{{ agent }} {% x %}") == "{{ agent }} {% x %}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ name }}", ["{{ name }}"]),
        ("{{ ticket.number }}", ["{{ ticket.number }}"]),
        ("{{ ticket", ["{{ ticket"]),
        ("ticket }}", ["}}"]),
        ("{{ Ticket }} and {{ due }}", ["{{ Ticket }}", "{{ due }}"]),
        ("{ ticket } is as it stands", []),
        (" ".join(f"{{{{ {each} }}}}" for each in VARIABLES), []),
    ],
)
def test_what_is_no_variable_is_found(text: str, found: list[str]) -> None:
    assert unknown_variables(text) == found


@given(st.text(alphabet="{}| abticket\n", max_size=60))
def test_any_text_is_filled_in_or_said_to_be_wrong(text: str) -> None:
    shown = fill(text)
    if "{" not in text and "}" not in text:
        assert (unknown_variables(text), shown) == ([], text)
    elif not unknown_variables(text):
        assert "}}" not in shown


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{name: a, title: A, text: 'Dear {{ who }}'}", "`{{ who }}` is no variable"),
        ("{name: a, title: A, text: ''}", "text"),
        ("{name: a, title: '', text: x}", "title"),
        ("{name: a, title: A, text: '{{ ticket'}", "`{{ ticket` is no variable"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, entry: str, problem: str) -> None:
    path = tmp_path / "vircom" / "intake.yaml"
    path.parent.mkdir()
    path.write_text(f"{FILE.read_text()}\ncanned_answers:\n  - {entry}\n")
    (found,) = check_desk_file(path).problems
    assert problem in str(found)
    assert f"intake.yaml:{len(path.read_text().splitlines())}:" in str(found)


def test_the_file_gives_them_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "vircom" / "intake.yaml"
    path.parent.mkdir()
    entries = "".join(
        f"  - name: {name}\n    title: {name}\n    text: |\n      Dear {{{{ requester }}}},\n"
        for name in ("b", "a")
    )
    path.write_text(f"{FILE.read_text()}\ncanned_answers:\n{entries}")
    desk, problems = load_desk(path)
    assert not problems
    assert desk is not None
    assert [each.name for each in desk.canned_answers] == ["b", "a"]
    assert desk.canned_answers[0].text == "Dear {{ requester }},"
    path.write_text(path.read_text() + entries)
    assert len(check_desk_file(path).problems) == 2
