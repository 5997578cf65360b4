"""`pledge token`: create signing keys and tokens, and revoke tokens."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import jwt
import typer

from pledge.runtime.auth import signing
from pledge.runtime.auth.access import LONGEST_TOKEN, Role, token_id
from pledge.runtime.cli import endpoints
from pledge.runtime.cli.root import CommandError
from pledge.runtime.clock import SystemClock
from pledge.runtime.desk_file.template import DESK_ID
from pledge.runtime.durations import parse_duration
from pledge.runtime.ids import SystemIds

KEY_VARIABLE = "PLEDGE_TOKEN_KEY"
DENYLIST_VARIABLE = "PLEDGE_DENYLIST"
# A token that lives longer is one nobody remembers.
LONGEST = timedelta(days=400)
_STANDARD_INPUT = "-"

app = typer.Typer(
    help="Create signing keys and tokens, and revoke tokens.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

KeyOption = Annotated[
    Path,
    typer.Option("--key", envvar=KEY_VARIABLE, help="The file with the private keys."),
]
DEFAULT_KEY = endpoints.home() / "token.key"


@app.command(
    epilog="Examples:\n\npledge token create ann --desk vircom --role agent --expires 8h\n\n"
    "pledge token create mail-gateway --desk '*' --role gateway --expires 90d"
)
def create(
    subject: Annotated[str, typer.Argument(help="Who it is for: a person's or a program's name.")],
    desks: Annotated[list[str], typer.Option("--desk", help="A desk, or * for all; repeatable.")],
    roles: Annotated[list[Role], typer.Option("--role", help="What may be done; repeatable.")],
    expires: Annotated[str, typer.Option(help="How long it is valid: 30m, 8h, 90d.")] = "8h",
    key: KeyOption = DEFAULT_KEY,
) -> None:
    """Print a new token. It is a bearer token: valid for its holder until it ends or is revoked."""
    everywhere = desks == ["*"]
    if wrong := [desk for desk in desks if not everywhere and not DESK_ID.fullmatch(desk)]:
        raise CommandError(f"`{wrong[0]}` is no desk's id (use --desk '*' alone for all desks)")
    if not subject.strip() or len(subject) > 200 or not subject.isprintable():
        raise CommandError("the subject must be a name of at most 200 printable characters")
    clock = SystemClock()
    try:
        token = signing.sign(
            key,
            subject=subject,
            desks=None if everywhere else desks,
            roles=[role.value for role in roles],
            now=clock.now(),
            lasts=read_lifetime(expires),
            ids=SystemIds(clock),
        )
    except signing.KeyFileError as error:
        raise CommandError(str(error)) from error
    typer.echo(token)


@app.command(
    epilog="Examples:\n\npledge token keys --key /etc/pledge/token.key\n\n"
    "pledge token keys --key /etc/pledge/token.key --rotate"
)
def keys(
    key: KeyOption = DEFAULT_KEY,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Add a key to an existing file.")
    ] = False,
    keep: Annotated[
        int, typer.Option(help="With --rotate: how many older keys stay valid.", min=0, max=20)
    ] = 1,
) -> None:
    """Make the keys that sign tokens, and the public JWKS that services read (PLEDGE_JWKS).

    Services notice a changed JWKS file by themselves. With --rotate and --keep 0 every token that
    was made so far becomes invalid.
    """
    ids = SystemIds(SystemClock())
    try:
        kid = signing.rotate(key, ids, keep=keep) if rotate else signing.create(key, ids)
    except signing.KeyFileError as error:
        raise CommandError(str(error)) from error
    typer.echo(f"key {kid} signs from now on")
    typer.echo(f"private keys: {key} (keep it secret)")
    typer.echo(f"public keys:  {signing.public_path(key)} (set PLEDGE_JWKS to it)")


@app.command(
    epilog="Example:\n\npledge token revoke - --denylist /etc/pledge/denylist.txt < token.txt"
)
def revoke(
    token: Annotated[
        str, typer.Argument(help="The token, or its id (jti); - reads it from standard input.")
    ],
    denylist: Annotated[
        Path, typer.Option(envvar=DENYLIST_VARIABLE, help="The file that services read.")
    ],
    remark: Annotated[str, typer.Option(help="Why; written after the id.")] = "",
) -> None:
    """Add a token to the denylist. Services refuse it from the next request on."""
    # Arguments are seen by everybody on the machine, and this one works until it is revoked.
    given = sys.stdin.read(LONGEST_TOKEN + 2).strip() if token == _STANDARD_INPUT else token
    named = _id_of(given)
    if not denylist.parent.is_dir():
        raise CommandError(f"{denylist} can't be made: there is no folder {denylist.parent}")
    is_new = not denylist.exists()
    try:
        old = denylist.read_text(encoding="utf-8") if denylist.exists() else ""
        if named in {line.partition("#")[0].strip() for line in old.splitlines()}:
            typer.echo(f"{named} was revoked before")
            return
        note = f"  # {' '.join(remark.split())}" if remark else ""
        start = old if not old or old.endswith("\n") else f"{old}\n"
        # Written whole, so that a service never reads half a line.
        signing.write_whole(denylist, f"{start}{named}{note}\n", signing.PUBLIC_MODE)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{denylist} can't be changed: {error}") from error
    typer.echo(f"{named} is revoked")
    if is_new:
        typer.echo(f"{denylist} is new: see that services name it in PLEDGE_DENYLIST", err=True)


def read_lifetime(text: str) -> timedelta:
    """Read `90s`, `8h` or `1d12h` as a lifetime. Raises CommandError, also above LONGEST."""
    duration = parse_duration(text)
    if duration is None:
        raise CommandError(f"`{text}` is no duration: write it with its unit, like 8h or 14d")
    if not timedelta(0) < duration <= LONGEST:
        raise CommandError(f"`{text}` must be more than nothing and at most {LONGEST.days}d")
    return duration


def _id_of(token: str) -> str:
    """The id in a token, or `token` itself if it is an id."""
    if token.count(".") == 2:
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.InvalidTokenError as error:
            raise CommandError("this is neither a token nor a token's id") from error
        return token_id(claims, token)
    if not re.fullmatch(r"[A-Za-z0-9:_-]{1,200}", token):
        raise CommandError("this is neither a token nor a token's id")
    return token
