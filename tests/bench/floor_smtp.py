"""A bare aiosmtpd that answers 250 at once: it reads nothing, and keeps nothing."""

from __future__ import annotations

import asyncio
import os

from aiosmtpd.smtp import SMTP, Envelope, Session

from bench import bare


class Taking:
    """The handler: every mail is taken, and forgotten."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return "250 2.0.0 taken"


async def main() -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    port = int(os.environ["PLEDGE_INTAKE_SMTP_PORT"])
    handler = Taking()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="floor.example", loop=loop, enable_SMTPUTF8=True),
        "127.0.0.1",
        port,
    )
    await server.serve_forever()


if __name__ == "__main__":
    bare.run(main())
