"""One service's HTTP application, as a real service wires it, on a clock that tests move."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry

from pledge.runtime.auth.access import Access
from pledge.runtime.auth.oidc.wiring import oidc_sign_in
from pledge.runtime.config.settings import ServiceSettings
from pledge.runtime.http.app import Health, create_app
from pledge.runtime.http.web import Web
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.testing import SeededIds, VirtualClock
from support.tokens import START, Signer, write_jwks


class WebApp:
    """The application of a service called sla, its parts, and clients of it."""

    def __init__(
        self,
        folder: Path,
        *routers: APIRouter,
        public_url: str | None = "http://sla.example",
        max_body: int = 10_000,
        body_limits: Mapping[str, int] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        **settings_of_sign_in: Any,
    ) -> None:
        self.signer = Signer()
        self.clock = VirtualClock(START)
        ids = SeededIds(self.clock, 1)
        self.denylist = folder / "denylist.txt"
        self.denylist.write_text("")
        settings = ServiceSettings(
            dsn="postgresql://none",
            jwks=str(write_jwks(folder / "jwks.json", self.signer)),
            sla_public_url=public_url,
            intake_public_url="http://intake.example",
            status_public_url="http://status.example",
            **settings_of_sign_in,
        )
        self.health = Health(self.clock)
        oidc = oidc_sign_in("sla", settings, clock=self.clock, ids=ids, transport=transport)
        sign_in, sessions = oidc or (None, None)
        self.access = Access(
            settings.jwks, clock=self.clock, denylist=self.denylist, sessions=sessions
        )
        self.web = Web("sla", settings, clock=self.clock, ids=ids)
        self.registry = CollectorRegistry()
        self.public_url = public_url or "http://sla.example"
        self.app: FastAPI = create_app(
            service="sla",
            health=self.health,
            access=self.access,
            web=self.web,
            metrics=RuntimeMetrics(self.registry, "sla"),
            clock=self.clock,
            ids=ids,
            routers=routers,
            max_body=max_body,
            body_limits=body_limits,
            sign_in=sign_in,
        )

    def client(self, *, token: str | None = None, accept: str | None = None) -> httpx.AsyncClient:
        """A client that talks to the application without a network."""
        headers = {}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        if accept is not None:
            headers["accept"] = accept
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=self.public_url, headers=headers)

    def browser(self) -> httpx.AsyncClient:
        """A client that asks for pages and keeps cookies."""
        return self.client(accept="text/html,application/xhtml+xml,*/*;q=0.8")

    def sample(self, name: str, labels: Mapping[str, str]) -> float | None:
        """The value of a series."""
        return self.registry.get_sample_value(name, dict(labels))
