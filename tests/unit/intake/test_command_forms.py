"""The ticket's page has a form for each command that an agent may give, with its fields."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import intake.pages
from intake.pages.form_values import form_values
from intake.schemas import BODIES

FORMS = (Path(intake.pages.__file__).parent / "templates" / "command_forms.html").read_text()
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("action", sorted(BODIES))
def test_each_command_of_an_agent_has_a_form(action: str) -> None:
    groups = FORMS[: FORMS.index("{% set titles")]
    assert f'"{action}": "' in groups


@pytest.mark.parametrize("action", sorted(BODIES))
def test_the_form_holds_what_the_command_needs(action: str) -> None:
    form = rf'{{% (?:el)?if action == "{action}" %}}(.*?){{% (?:elif|endif)'
    found = re.search(form, FORMS, re.DOTALL)
    needed = [name for name, each in BODIES[action].model_fields.items() if each.is_required()]
    for name in needed:
        assert found is not None, f"{action} needs {name}"
        assert f'"{name}"' in found[1]


def test_values_are_read_as_their_command_takes_them() -> None:
    form = [
        ("missing", "version\n\n build \n"),
        ("fields", "version: 8.4: beta\nbuild:\n"),
        ("starts_at", "2026-12-01T09:30"),
        ("due_at", "tomorrow"),
        ("why", "  "),
        ("unknown", "x"),
    ]
    known = frozenset(("missing", "fields", "starts_at", "due_at", "why"))
    found = form_values(form, known, BERLIN)
    assert found["missing"] == ["version", "build"]
    assert found["fields"] == {"version": "8.4: beta", "build": ""}
    assert found["starts_at"].isoformat() == "2026-12-01T09:30:00+01:00"
    assert found["due_at"] == "tomorrow"
    assert found.keys() == known - {"why"}
