from __future__ import annotations

import json
import stat
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from typer.testing import CliRunner

from pledge.runtime.auth.access import Access, Denied, token_id
from pledge.runtime.auth.signing import KeyFileError, create, public_path, read, rotate, sign
from pledge.runtime.cli.root import CommandError
from pledge.runtime.cli.token_commands import app, read_lifetime
from pledge.runtime.clock import SystemClock
from pledge.runtime.testing import SeededIds, VirtualClock
from support.tokens import START


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, CommandError):
        return 2, str(result.exception)
    return result.exit_code, result.output


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "keys" / "token.key"
    assert run("keys", "--key", str(path))[0] == 0
    return path


def make(key: Path, *more: str) -> str:
    status, text = run("create", "ann", "--desk", "demo", "--role", "agent", *more,
                       "--key", str(key))  # fmt: skip
    assert status == 0, text
    return text.strip()


def access(key: Path, denylist: Path | None = None) -> Access:
    return Access(str(public_path(key)), clock=SystemClock(), denylist=denylist)


async def test_token_of_the_command_is_accepted_by_services(key: Path) -> None:
    principal = await access(key).authenticate(
        make(key, "--desk", "vircom", "--role", "responder", "--expires", "30m")
    )
    assert principal.subject == "ann"
    assert principal.desks == frozenset({"demo", "vircom"})
    assert principal.roles == {"agent", "responder"}
    left = principal.expires_at - SystemClock().now()
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)


async def test_star_means_all_desks(key: Path) -> None:
    status, token = run("create", "gw", "--desk", "*", "--role", "gateway", "--key", str(key))
    assert status == 0
    assert (await access(key).authenticate(token.strip())).desks is None


def test_private_keys_are_for_their_owner_only(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    public = json.loads(public_path(key).read_text())
    assert [set(one) for one in public["keys"]] == [{"kty", "crv", "x", "kid", "use", "alg"}]


def test_key_file_that_others_can_read_is_refused(key: Path) -> None:
    key.chmod(0o640)
    status, text = run("create", "ann", "--desk", "demo", "--role", "agent", "--key", str(key))
    assert status == 2
    assert text == f"{key} can be read by others; run: chmod 600 {key}"


def test_existing_keys_are_not_overwritten(key: Path) -> None:
    before = key.read_text()
    status, text = run("keys", "--key", str(key))
    assert status == 2
    assert "add a key to it with --rotate" in text
    assert key.read_text() == before


async def test_after_a_rotation_old_tokens_live_on_and_new_ones_have_the_new_key(
    key: Path,
) -> None:
    old = make(key)
    assert run("keys", "--key", str(key), "--rotate")[0] == 0
    new = make(key)
    checks = access(key)
    assert (await checks.authenticate(old)).subject == "ann"
    assert (await checks.authenticate(new)).subject == "ann"
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    assert run("keys", "--key", str(key), "--rotate")[0] == 0
    with pytest.raises(Denied, match="key that is not known"):
        await checks.authenticate(old)


async def test_rotation_that_keeps_nothing_ends_all_tokens(key: Path) -> None:
    old = make(key)
    assert run("keys", "--key", str(key), "--rotate", "--keep", "0")[0] == 0
    with pytest.raises(Denied):
        await access(key).authenticate(old)
    assert len(read(key)) == 1


async def test_revoked_token_is_refused_by_services_at_once(key: Path, tmp_path: Path) -> None:
    denylist = tmp_path / "denylist.txt"
    denylist.write_text("someone-else  # no line end at the end")
    token, other = make(key), make(key)
    checks = access(key, denylist)
    assert (await checks.authenticate(token)).subject == "ann"
    status, text = run("revoke", token, "--denylist", str(denylist), "--remark", "laptop\nlost")
    assert status == 0
    assert "is revoked" in text
    with pytest.raises(Denied, match="revoked"):
        await checks.authenticate(token)
    assert (await checks.authenticate(other)).subject == "ann"
    lines = denylist.read_text().splitlines()
    assert lines[0].startswith("someone-else")
    assert lines[1].endswith("# laptop lost")


def test_token_is_named_by_what_is_signed(key: Path) -> None:
    """Of an ES256 signature (r, s) anybody can make a second valid one, (r, n - s)."""
    signed, _, signature = make(key).rpartition(".")
    assert token_id({}, f"{signed}.{signature}") == token_id({}, f"{signed}.another")
    assert token_id({}, f"{signed}x.{signature}") != token_id({}, f"{signed}.{signature}")


def test_token_to_revoke_may_come_by_standard_input(key: Path, tmp_path: Path) -> None:
    denylist = tmp_path / "denylist.txt"
    token = make(key)
    asked = ["revoke", "-", "--denylist", str(denylist)]
    result = CliRunner().invoke(app, asked, input=f"{token}\n")
    assert result.exit_code == 0
    assert jwt.decode(token, options={"verify_signature": False})["jti"] in denylist.read_text()


def test_revoking_twice_changes_nothing(tmp_path: Path) -> None:
    denylist = tmp_path / "denylist.txt"
    run("revoke", "id-1", "--denylist", str(denylist))
    assert run("revoke", "id-1", "--denylist", str(denylist)) == (0, "id-1 was revoked before\n")
    assert denylist.read_text() == "id-1\n"


@pytest.mark.parametrize("token", ["a.b.c", "two words", "id\n#", "", "é"])
def test_what_is_no_token_is_not_revoked(tmp_path: Path, token: str) -> None:
    denylist = tmp_path / "denylist.txt"
    status, _ = run("revoke", "--denylist", str(denylist), "--", token)
    assert status == 2
    assert not denylist.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--desk", "Demo"], "`Demo` is no desk's id"),
        (["--desk", "*", "--desk", "demo"], "use --desk '*' alone"),
        (["--desk", "demo", "--expires", "soon"], "`soon` is no duration"),
        (["--desk", "demo", "--expires", "401d"], "at most 400d"),
        (["--desk", "demo", "--expires", "0h"], "more than nothing"),
    ],
)
def test_wrong_wishes_are_refused_in_words(key: Path, arguments: list[str], told: str) -> None:
    status, text = run("create", "ann", "--role", "agent", "--key", str(key), *arguments)
    assert status == 2
    assert told in text


def test_unknown_role_is_refused_with_the_known_ones(key: Path) -> None:
    status, text = run("create", "ann", "--desk", "demo", "--role", "root", "--key", str(key))
    assert status == 2
    assert "responder" in text


@pytest.mark.parametrize("content", ["", "{", "[]", '{"keys": []}', '{"keys": [{"kty": "OKP"}]}'])
def test_file_that_holds_no_keys_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "token.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError):
        read(path)


def test_token_too_long_for_a_cookie_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "token.key"
    clock = VirtualClock(START)
    ids = SeededIds(clock, 1)
    create(path, ids)
    with pytest.raises(KeyFileError, match="too long"):
        sign(
            path,
            subject="ann",
            desks=[f"desk-{number:060}" for number in range(60)],
            roles=["agent"],
            now=clock.now(),
            lasts=timedelta(hours=1),
            ids=ids,
        )


def test_rotating_what_does_not_exist_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="pledge token keys --key"):
        rotate(tmp_path / "token.key", SeededIds(VirtualClock(START), 1), keep=1)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        (" 8h ", timedelta(hours=8)),
        ("14d", timedelta(days=14)),
        ("1.5h", timedelta(minutes=90)),
        ("8 h", timedelta(hours=8)),
    ],
)
def test_durations_are_read(text: str, duration: timedelta) -> None:
    assert read_lifetime(text) == duration


@pytest.mark.parametrize(
    "text", ["", "8", "h", "-8h", "0h", "8 months", "999999999d", "401d", "٣h"]
)
def test_other_durations_are_not(text: str) -> None:
    with pytest.raises(CommandError):
        read_lifetime(text)
