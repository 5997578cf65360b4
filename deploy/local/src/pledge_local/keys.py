"""The stack's own secrets: made once, kept in its folder."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pledge.runtime.auth import signing
from pledge.runtime.auth.access import Role
from pledge.runtime.auth.key_derivation import webhook_secret
from pledge.runtime.clock import Clock, SystemClock
from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.desk_file.yaml_file import load
from pledge.runtime.ids import SystemIds
from pledge_local.home import Home
from pledge_local.plan import Plan
from pledge_local.ports import SERVICES

SECRET_BYTES = 32
# Made at each start.
TOKEN_LASTS = timedelta(days=30)
RECEIVER_PATH = "/webhooks/"


def prepare(plan: Plan) -> None:
    """Make what is missing, and give the sink the keys of the receivers' signatures."""
    home, ids = plan.home, SystemIds(SystemClock())
    for service in SERVICES:
        _write_once(home.keys / f"{service}.key", ids.token(SECRET_BYTES) + "\n")
    _write_once(home.keys / "denylist", "# One token id (jti) a line: it is refused from now on.\n")
    if not home.token_key.exists():
        signing.create(home.token_key, ids)
    secret = (home.keys / "notify.key").read_text(encoding="utf-8").strip()
    file = receivers_file(home)
    file.unlink(missing_ok=True)
    _write_once(file, json.dumps(_receivers(plan.desks, secret)) + "\n")


def receivers_file(home: Home) -> Path:
    """Where the sink finds the secrets of the receivers it plays."""
    return home.keys / "receivers.json"


def admin_token(home: Home, clock: Clock) -> str:
    """A token that may do everything on every desk, for the person at this machine."""
    return signing.sign(
        home.token_key,
        subject=os.environ.get("USER") or "local",
        desks=None,
        roles=[Role.ADMIN],
        now=clock.now(),
        lasts=TOKEN_LASTS,
        ids=SystemIds(clock),
    )


def _receivers(desks: Path, secret: str) -> dict[str, str]:
    """The secret of each receiver whose address is one of the sink's."""
    found = {}
    for file in desks.glob("*/notify.yaml"):
        try:
            receivers = load(file).data.get("receivers") or {}
        except (DeskFileError, AttributeError):
            continue  # notify itself says what is wrong with the file
        for name, receiver in receivers.items():
            path = urlsplit(str(receiver.get("url", ""))).path
            if RECEIVER_PATH in path:
                sink_name = path.rpartition(RECEIVER_PATH)[2]
                found[sink_name] = webhook_secret(secret, file.parent.name, name)
    return found


def _write_once(path: Path, content: str) -> None:
    """Write a file for the owner alone, unless it is there."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
