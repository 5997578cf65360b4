"""Deliveries by intake's own gateways: a form over HTTP, a mail over SMTP.

Without an acknowledgement the sender sends again, as any sender must.
"""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import aiosmtplib
import httpx

from pledge.runtime.clock import SystemClock
from support.chaos.deployment import Deployment
from support.chaos.desk import ADDRESS, DESK, FORM_KEY
from support.chaos.stories import Delivery

AGAIN_AFTER = timedelta(milliseconds=300)
TIMEOUT = 5.0


class HttpCases:
    """`POST /cases`, until it is answered with 202."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    async def post(self, delivery: Delivery) -> None:
        """Return once the case was accepted."""
        case = {
            "desk": DESK,
            "subject": f"Case {delivery.token}",
            "text": delivery.text,
            "requester": {"email": f"{delivery.token}@customer.example"},
        }
        headers = {"Idempotency-Key": delivery.token, "Pledge-Form-Key": FORM_KEY}
        url = f"{self._deployment.main('intake').url}/cases"
        while True:
            try:
                async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
                    answer = await client.post(url, json=case, headers=headers)
            except httpx.HTTPError:
                pass
            else:
                if answer.status_code == httpx.codes.ACCEPTED:
                    return
                # Any other refusal would be final.
                assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            await SystemClock().sleep(AGAIN_AFTER)


class SmtpMails:
    """SMTP, until 250."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    async def send(self, delivery: Delivery) -> None:
        """Return once the mail was accepted."""
        mail = EmailMessage()
        mail["From"] = f"{delivery.token}@customer.example"
        mail["To"] = ADDRESS
        mail["Subject"] = f"Mail {delivery.token}"
        mail["Message-ID"] = f"<{delivery.token}@customer.example>"
        mail.set_content(delivery.text)
        while True:
            try:
                await aiosmtplib.send(
                    mail, hostname="127.0.0.1", port=self._deployment.smtp_port, timeout=TIMEOUT
                )
            except aiosmtplib.SMTPResponseException as error:
                if not 400 <= error.code < 500:
                    raise
            except (aiosmtplib.SMTPException, OSError):
                pass
            else:
                return
            await SystemClock().sleep(AGAIN_AFTER)
