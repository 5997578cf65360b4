"""What the demo's lanes share: addresses, a client, the observer and the reporter."""

from __future__ import annotations

import asyncio
import smtplib
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import httpx

from pledge.runtime.clock import Clock
from pledge_local.demo.observer import Observer
from pledge_local.demo.reporter import NotHappened, Reporter

DESK = "demo"
# Generous, for a busy machine: the latencies are reported, not tested.
SOON = timedelta(seconds=30)
SMTP_TIMEOUT_SECONDS = 15
BETWEEN_LOOKS = timedelta(milliseconds=20)


@dataclass(frozen=True, slots=True)
class World:
    """One run of the demo. `mark` stands in every subject, so that runs don't mix."""

    mark: str
    smtp: str
    urls: dict[str, str]
    client: httpx.AsyncClient
    observer: Observer
    reporter: Reporter
    clock: Clock

    @property
    def status_page(self) -> str:
        """The desk's public page."""
        return f"{self.urls['status']}/{DESK}/"

    async def mail(self, sender: str, to: str, subject: str, text: str) -> datetime:
        """Send a mail over SMTP and return the instant of its 250."""
        message = EmailMessage()
        message["From"], message["To"] = sender, to
        message["Subject"] = f"{subject} ({self.mark})"
        message["Message-ID"] = f"<{self.mark}.{to.replace('@', '.')}@customer.example>"
        message.set_content(text)
        await asyncio.to_thread(self._send, message)
        return self.clock.now()

    async def post(self, lane: str, what: str, url: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST JSON to a service. Raises NotHappened, and reports it, when it is refused."""
        content: object = (await self._post(self.client, lane, what, url, json=body)).json()
        return content if isinstance(content, dict) else {}

    async def click(self, lane: str, what: str, url: str) -> None:
        """POST to a signed link, as its page's button does: it needs no token.

        Raises NotHappened, and reports it, when it is refused.
        """
        async with httpx.AsyncClient(trust_env=False) as stranger:
            await self._post(stranger, lane, what, url)

    async def on_status_page(self, title: str) -> datetime:
        """Wait until the public page shows the incident `title`; the instant it was seen."""
        url = f"{self.status_page}api/v2/summary.json"
        async with httpx.AsyncClient(trust_env=False) as stranger:
            while True:
                shown = (await stranger.get(url)).raise_for_status().json()["incidents"]
                if any(incident["name"] == title for incident in shown):
                    return self.clock.now()
                await self.clock.sleep(BETWEEN_LOOKS)

    async def resolve_incidents(self, lane: str) -> None:
        """Resolve what is open on the desk's status page, as its staff would."""
        url = f"{self.urls['status']}/incidents"
        answer = await self.client.get(url, params={"desk": DESK, "open": "true"})
        for incident in answer.raise_for_status().json()["items"]:
            if incident["kind"] != "incident":
                continue
            update = {
                "status": "resolved",
                "body": "Everybody can sign in again. Thank you for your patience.",
                "components": dict.fromkeys(incident["components"], "operational"),
            }
            what = "the incident is resolved"
            await self.post(lane, what, f"{url}/{incident['id']}/updates", update)

    async def _post(
        self, client: httpx.AsyncClient, lane: str, what: str, url: str, **content: Any
    ) -> httpx.Response:
        try:
            answer = await client.post(url, **content)
        except httpx.HTTPError as error:
            self.reporter.failed(lane, f"{what}: {type(error).__name__} {error}")
            raise NotHappened(what) from error
        if answer.is_error:
            self.reporter.failed(lane, f"{what}: HTTP {answer.status_code} {answer.text[:300]}")
            raise NotHappened(what)
        return answer

    def _send(self, message: EmailMessage) -> None:
        host, _, port = self.smtp.rpartition(":")
        with smtplib.SMTP(host, int(port), timeout=SMTP_TIMEOUT_SECONDS) as client:
            client.send_message(message)
