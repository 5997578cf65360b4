"""A real OpenID provider on this machine (npm's `oidc-provider`), and a person at its forms."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from pledge_local.free_port import free_port
from support.node_packages import NoPackages, node_packages

CLIENT_ID = "pledge"
CLIENT_SECRET = "secret of the client, for tests"
SESSION_KEY = "thirty-two characters for sessions"
PEOPLE: dict[str, dict[str, Any]] = {
    "ann": {"email": "Ann@vircom.example", "name": "Ann", "groups": ["vircom-agents", "staff"]},
    "bob": {"email": "bob@vircom.example", "name": "Bob", "groups": ["staff"]},
    "eve": {
        "email": "eve@vircom.example",
        "groups": ["vircom-readers", "infocyte-agents"],
    },
    "mia": {"email": "mia@other.example", "groups": ["vircom-agents"], "email_verified": False},
}
GRANTS = {
    "vircom-agents": ["vircom:agent"],
    "vircom-readers": ["vircom:reader"],
    "infocyte-agents": ["infocyte:agent"],
}


def settings_of(issuer: str) -> dict[str, Any]:
    """A service's settings for people who sign in at `issuer`."""
    return {
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_scopes": "openid email profile groups",
        "oidc_grants": GRANTS,
        "session_key": SESSION_KEY,
    }


@contextmanager
def open_provider(service_url: str, *, in_id_token: bool = False) -> Iterator[str]:
    """A running provider that knows the service at `service_url`; gives its issuer."""
    try:
        folder = node_packages()
    except NoPackages as error:
        pytest.skip(f"no OpenID provider: {error}")
    port = free_port()
    told = {
        "port": port,
        "client": {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_uris": [f"{service_url}/sign-in/callback"],
            "post_logout_redirect_uris": [f"{service_url}/sign-in"],
        },
        "people": PEOPLE,
        "in_id_token": in_id_token,
    }
    program = folder / "provider.mjs"
    program.write_bytes((Path(__file__).parent / "node" / "provider.mjs").read_bytes())
    environment = {**os.environ, "PROVIDER": json.dumps(told)}
    with subprocess.Popen(
        ["node", str(program)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == b"ready", "the provider did not start"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


class _Form(HTMLParser):
    """The first form of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "form" and self.action is None:
            self.action = told.get("action") or ""
        elif tag == "input" and told.get("name"):
            self.fields[str(told["name"])] = told.get("value") or ""


async def sign_in_at_provider(
    provider: httpx.AsyncClient, url: str, answers: Mapping[str, str], back: str
) -> str:
    """Fill the provider's forms in from `url` on; the address at `back` that it leads to."""
    answer = await provider.get(url)
    for _ in range(20):
        if answer.is_redirect:
            target = urljoin(str(answer.url), answer.headers["location"])
            if target.startswith(back):
                return target
            answer = await provider.get(target)
            continue
        form = _Form(answer.text)
        assert form.action, f"no form: {answer.status_code} {answer.text[:300]}"
        filled = form.fields | {name: answers[name] for name in form.fields if name in answers}
        answer = await provider.post(urljoin(str(answer.url), form.action), data=filled)
    raise AssertionError("the provider leads nowhere")
