"""The section `webhooks`, and the file of their secrets."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from intake.application.webhook_secrets import parse_secrets, webhook_secrets
from intake.desk_file.load import check_desk_file, load_desk
from pledge.runtime.config.settings import SettingsError
from support.cluster import ROOT

GOOD = "whsec_" + b64encode(b"g" * 32).decode()
FILE = ROOT / "deploy" / "desks" / "vircom" / "intake.yaml"


def a_file(folder: Path, section: str) -> Path:
    path = folder / "vircom" / "intake.yaml"
    path.parent.mkdir()
    path.write_text(FILE.read_text() + section)
    return path


def test_events_are_named_without_vendor_and_version(tmp_path: Path) -> None:
    path = a_file(
        tmp_path,
        "\nwebhooks:\n  - {name: crm, url: 'https://crm.example/hook', events: ticket.opened,"
        " secrets: crm}\n",
    )
    desk, problems = load_desk(path)
    assert not problems
    assert desk is not None
    assert desk.webhooks["crm"].events == {"pledge.ticket.opened.v1"}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{name: a, url: 'https://a.example', events: ticket.opend, secrets: s}", "ticket.opend"),
        (
            "{name: a, url: 'https://a.example', events: ticket.email_requested, secrets: s}",
            "no event of tickets `ticket.email_requested`",
        ),
        ("{name: a, url: 'https://u:p@a.example', events: ticket.opened, secrets: s}", "password"),
        ("{name: a, url: 'ftp://a.example', events: ticket.opened, secrets: s}", "web address"),
        ("{name: a, url: 'https://a.example', events: [], secrets: s}", "events"),
        ("{name: a, url: 'https://a.example', events: ticket.opened, secrets: [a, b, c]}", "secr"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, entry: str, problem: str) -> None:
    path = a_file(tmp_path, f"\nwebhooks:\n  - {entry}\n")
    lines = len(path.read_text().splitlines())
    (found,) = check_desk_file(path).problems
    assert problem in str(found)
    assert f"intake.yaml:{lines}:" in str(found)


def test_two_webhooks_have_two_names(tmp_path: Path) -> None:
    entry = "  - {name: a, url: 'https://a.example', events: ticket.opened, secrets: s}\n"
    (found,) = check_desk_file(a_file(tmp_path, f"\nwebhooks:\n{entry}{entry}")).problems
    assert "used twice" in str(found)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[]", "should be like"),
        (b"\xff", "should be like"),
        (json.dumps({"mine": {"crm": "secret-as-text"}}).encode(), "crm of the desk mine should"),
        (json.dumps({"a": {"x": GOOD}, "b": {"y": GOOD}}).encode(), "give each its own"),
    ],
)
def test_secrets_that_would_not_do_are_refused_unseen(content: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as raised:
        parse_secrets(content)
    assert "secret-as-text" not in str(raised.value)
    assert GOOD not in str(raised.value)


def test_a_new_secret_counts_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    with pytest.raises(SettingsError):
        webhook_secrets(path)
    path.write_text(json.dumps({"mine": {"crm": GOOD}}))
    file = webhook_secrets(path)
    other = "whsec_" + b64encode(b"h" * 32).decode()
    replaced = tmp_path / "new.json"
    replaced.write_text(json.dumps({"mine": {"crm": GOOD, "crm-new": other}}))
    replaced.rename(path)
    assert file.value().by_desk == {"mine": {"crm": GOOD, "crm-new": other}}
