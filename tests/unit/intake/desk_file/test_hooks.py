"""The section `hooks` of a desk's file, and the secrets that the operator gives for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from intake.desk_file.load import load_desk
from intake.desk_file.template import DESK_TEMPLATE
from intake.domain.desk import Desk
from intake.gateways.hooks.keys import hook_keys
from intake.settings import IntakeSettings
from pledge.runtime.config.settings import SettingsError, load_settings
from support.hooks import KEY, SLACK

SLACK_HOOK = "{name: slack, kind: slack, secrets: slack, agents: {U1: Bob@Acme.example}}"


def read(folder: Path, *hooks: str) -> tuple[Desk | None, list[str]]:
    path = folder / "acme" / "intake.yaml"
    path.parent.mkdir(exist_ok=True)
    section = "".join(f"\n  - {each}" for each in hooks)
    path.write_text(DESK_TEMPLATE.replace("{desk}", "acme") + f"hooks:{section}\n")
    desk, problems = load_desk(path)
    return desk, [str(each) for each in problems]


def test_a_hook_is_read_with_its_people(tmp_path: Path) -> None:
    desk, problems = read(tmp_path, SLACK_HOOK, "{name: pbx, kind: cti, secrets: [new, old]}")
    assert problems == []
    assert desk is not None
    slack, exchange = desk.hooks.values()
    assert (slack.kind, slack.secrets, dict(slack.agents)) == (
        "slack", ("slack",), {"U1": "bob@acme.example"},
    )  # fmt: skip
    assert (exchange.name, exchange.secrets) == ("pbx", ("new", "old"))


@pytest.mark.parametrize(
    ("hook", "problem"),
    [
        ("{name: x, kind: telegram, secrets: x}", "kind"),
        ("{name: x, kind: slack}", "secrets"),
        ("{name: x, kind: slack, secrets: []}", "secrets"),
        ("{name: x, kind: slack, secrets: [a, b, c]}", "secrets"),
        ("{name: x, kind: slack, secrets: x, voice: {greeting: Hi}}", "twilio_voice"),
        ("{name: x, kind: twilio_voice, secrets: x}", "greeting"),
        ("{name: x, kind: cti, secrets: x, agents: {U1: a@b.example}}", "slack, mattermost, teams"),
        ("{name: x, kind: slack, secrets: x, agents: {U1: Bob}}", "mail address"),
        (
            "{name: x, kind: twilio_voice, secrets: x,"
            ' voice: {greeting: a, menu: b, extension: "1"}}',
            "keep one",
        ),
        (
            "{name: x, kind: twilio_voice, secrets: x, voice: {greeting: a, language: en}}",
            "en-US",
        ),
    ],
)
def test_a_wrong_hook_is_told_with_its_line(tmp_path: Path, hook: str, problem: str) -> None:
    _, problems = read(tmp_path, hook)
    assert problems
    assert any(problem in each for each in problems), problems
    assert all("intake.yaml" in each for each in problems)


def test_two_hooks_of_one_name_are_told(tmp_path: Path) -> None:
    _, problems = read(tmp_path, SLACK_HOOK, SLACK_HOOK)
    assert len(problems) == 1


def test_secrets_come_from_the_operator_for_each_desk_on_its_own(tmp_path: Path) -> None:
    desk, _ = read(tmp_path, SLACK_HOOK, "{name: teams, kind: teams, secrets: [teams, next]}")
    assert desk is not None
    given = {"teams": SecretStr(KEY), "next": SecretStr(KEY[::-1].replace("=", "A"))}
    keys = hook_keys({"acme": desk}, {"acme": given, "other": {"slack": SecretStr(SLACK)}})
    assert keys.of("acme", "slack") == [], "another desk's secret is not this one's"
    assert len(keys.of("acme", "teams")) == 2
    assert keys.of("acme", "nothing") == ()
    wrong = {"acme": {"teams": SecretStr("not/base64!"), "slack": SecretStr("short")}}
    with pytest.raises(SettingsError) as caught:
        hook_keys({"acme": desk}, wrong)
    told = str(caught.value)
    assert "the secret teams of the desk acme is not standard base64" in told
    assert "the secret slack of the desk acme is shorter than 16" in told
    assert "not/base64" not in told


def test_two_desks_never_share_a_secret_whose_signature_leaves_the_address_out(
    tmp_path: Path,
) -> None:
    texts = "{name: texts, kind: twilio_sms, secrets: twilio}"
    desk, _ = read(tmp_path, SLACK_HOOK, texts)
    assert desk is not None
    desks = {"acme": desk, "other": replace(desk, id="other")}
    own = {"slack": SecretStr(SLACK), "twilio": SecretStr(KEY)}
    with pytest.raises(SettingsError, match="the desk other is the desk acme's too") as caught:
        hook_keys(desks, {"acme": own, "other": own})
    assert len(caught.value.problems) == 1, "Twilio signs the address"
    assert SLACK not in str(caught.value)
    keys = hook_keys(desks, {"acme": own, "other": {"slack": SecretStr(SLACK[::-1])}})
    assert keys.of("other", "slack") == [SLACK[::-1]]


def test_the_variable_or_its_file_holds_the_secrets_as_json(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text('{"acme": {"slack": "0123456789abcdef"}}\n')
    environ = {
        "PLEDGE_INTAKE_DSN": "postgresql://x", "PLEDGE_JWKS": "x", "PLEDGE_INTAKE_KEY": "k" * 32,
        "PLEDGE_INTAKE_HOOK_SECRETS_FILE": str(file),
    }  # fmt: skip
    settings = load_settings(IntakeSettings, environ)
    assert settings.hook_secrets["acme"]["slack"].get_secret_value() == "0123456789abcdef"
    assert "0123456789abcdef" not in repr(settings)
    file.write_text('{"acme": {"slack": 0123456789abcdef}}')
    with pytest.raises(SettingsError) as caught:
        load_settings(IntakeSettings, environ)
    assert "0123456789abcdef" not in str(caught.value)
