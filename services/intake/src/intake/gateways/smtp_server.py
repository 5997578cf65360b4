"""SMTP sessions and the server that listens for them; what is done with a mail is `email`'s.

The content of a mail is taken without holding up the event loop."""

import asyncio
import ssl
from datetime import timedelta
from typing import Any, Final

from aiosmtpd.smtp import MISSING, SMTP

from intake.gateways.email import EmailGateway
from intake.settings import IntakeSettings
from pledge.runtime.clock import Clock
from pledge.runtime.config.environment import SettingProblem, SettingsError
from pledge.runtime.config.reloading_file import WatchedFile
from pledge.runtime.http.server import CannotListen

MAX_LINE: Final = 1024 * 1024
"""Bytes of a line. RFC 5321 allows 1,000, but mail with longer ones exists and is better read."""
LINES_AT_ONCE: Final = 1_000
"""Lines taken before others have a turn: a mail may have millions of them."""
TOO_LONG: Final = "500 5.6.0 a line is too long; send the mail with lines of at most 1,000 bytes"


class DataReader(SMTP):
    """aiosmtpd's session with a DATA command of its own: theirs keeps an object for each line and
    takes whatever has arrived in one go."""

    def __init__(self, clock: Clock, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._clock = clock

    async def smtp_DATA(self, arg: str) -> None:
        """Take the content, and answer as the handler says."""
        if await self.check_helo_needed() or await self.check_auth_needed("DATA"):
            return
        assert self.envelope is not None
        if not self.envelope.rcpt_tos:
            await self.push("503 Error: need RCPT command")
            return
        if arg:
            await self.push("501 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        content, status = await self._content()
        if status is None:
            self.envelope.content = self.envelope.original_content = content
            status = await self._call_handler_hook("DATA")
        untyped: Any = self
        untyped._set_post_data_state()
        await self.push("250 OK" if status is MISSING else status)

    async def _content(self) -> tuple[bytes, Any]:
        """All lines up to the lone dot, and why they are refused, if they are: the answer must
        wait for the end (RFC 5321 §4.2.5)."""
        content = bytearray()
        refusal: str | None = None
        is_within = False
        count = 0
        while True:
            line, is_whole = await self._line()
            if line == b".\r\n" and not is_within:
                return bytes(content), refusal
            if not is_whole:
                refusal = refusal or TOO_LONG
            if refusal is None:
                content += line[1:] if line.startswith(b".") else line  # RFC 5321 §4.5.2
                if self.data_size_limit and len(content) > self.data_size_limit:
                    refusal = "552 5.3.4 Error: Too much mail data"
            if refusal:
                content.clear()
            is_within = not is_whole
            count += 1
            if count % LINES_AT_ONCE == 0:
                await self._clock.sleep(timedelta(0))

    async def _line(self) -> tuple[bytes, bool]:
        """A line with its end, or a piece of one that is too long."""
        try:
            return await self._reader.readuntil(b"\r\n"), True
        except asyncio.LimitOverrunError as error:
            return await self._reader.read(error.consumed), False
        except asyncio.CancelledError:  # the connection was lost
            self._writer.close()
            raise


class _Session(DataReader):
    """aiosmtpd's session with longer lines and a count of those that are open."""

    line_length_limit = MAX_LINE

    def __init__(self, server: "SmtpServer", *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._home = server
        self.from_host = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse what is too many, before a session begins."""
        is_secured = self in self._home.open_sessions  # after STARTTLS it begins anew
        peer = transport.get_extra_info("peername")
        self.from_host = str(peer[0]) if peer else ""
        if not is_secured and (refusal := self._home.refusal(self.from_host)):
            assert isinstance(transport, asyncio.Transport)
            transport.write(refusal)
            transport.close()
            return
        self._home.open_sessions.add(self)
        super().connection_made(transport)

    async def smtp_STARTTLS(self, arg: str) -> None:
        """Begin TLS, once."""
        if self.session is not None and self.session.ssl is not None:
            await self.push("503 5.5.1 TLS is active already")
            return
        await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:
        """Refuse: a desk's mailbox is open to everybody, and nobody has a password here."""
        await self.push("502 5.5.1 nobody signs in here; send without AUTH")

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the session."""
        if self in self._home.open_sessions:
            self._home.open_sessions.discard(self)
            super().connection_lost(error)


class SmtpServer:
    """Listens for SMTP inside the service's event loop."""

    def __init__(
        self,
        gateway: EmailGateway,
        settings: IntakeSettings,
    ) -> None:
        """Raises SettingsError for TLS files that can't be used."""
        self._gateway = gateway
        self._settings = settings
        self._tls = tls_of(settings)
        self._server: asyncio.Server | None = None
        self.open_sessions: set[_Session] = set()

    def refusal(self, host: str) -> bytes | None:
        """What to say to one connection too many, in all or from `host`; None while there is
        room."""
        if len(self.open_sessions) >= self._settings.smtp_max_connections:
            return b"421 4.3.2 too many connections; try again later\r\n"
        of_host = sum(each.from_host == host for each in self.open_sessions)
        if of_host >= self._settings.smtp_max_connections_per_host:
            return b"421 4.7.0 too many connections from your host; use fewer, or try later\r\n"
        return None

    @property
    def port(self) -> int:
        """The port listened on; before `listen`, the one asked for."""
        if self._server is None:
            return self._settings.smtp_port
        return int(self._server.sockets[0].getsockname()[1])

    async def listen(self) -> int:
        """Take the address and give the port. Raises CannotListen."""
        host, port = self._settings.smtp_host, self._settings.smtp_port
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._session, host, port, start_serving=False)
        except (OSError, OverflowError) as error:
            message = (
                f"can't listen for mail on {host}:{port}: {error}; stop the program that has the "
                "port, or set PLEDGE_INTAKE_SMTP_HOST and PLEDGE_INTAKE_SMTP_PORT"
            )
            raise CannotListen(message) from error
        return self.port

    async def run(self) -> None:
        """Serve until cancelled; then sessions that are open are ended, unanswered mail with them:
        their senders send again."""
        if self._server is None:
            await self.listen()
        assert self._server is not None
        try:
            await self._server.start_serving()
            await asyncio.get_running_loop().create_future()
        finally:
            self._server.close()
            for session in list(self.open_sessions):
                if session.transport is not None:
                    session.transport.close()

    def _session(self) -> _Session:
        return _Session(
            self,
            self._gateway.clock,
            self._gateway,
            hostname=self._settings.smtp_hostname,
            ident="Pledge",
            data_size_limit=self._settings.smtp_max_bytes,
            enable_SMTPUTF8=True,
            tls_context=self._tls.value() if self._tls else None,
            require_starttls=self._settings.smtp_require_tls,
            loop=asyncio.get_running_loop(),
            command_call_limit={"*": 100, "RCPT": 2_000, "MAIL": 1_000, "DATA": 1_000,
                                "RSET": 1_000, "NOOP": 1_000},
        )  # fmt: skip


def tls_of(settings: IntakeSettings) -> WatchedFile[ssl.SSLContext] | None:
    """The TLS context of STARTTLS, made anew when its files change; None without a certificate.
    Raises SettingsError for files that can't be used, or one without the other."""
    certificate, key = settings.smtp_tls_certificate, settings.smtp_tls_key
    if certificate is None:
        if key is not None or settings.smtp_require_tls:
            name = "TLS_KEY" if key is not None else "REQUIRE_TLS"
            raise _unusable(f"PLEDGE_INTAKE_SMTP_{name} is set: say the certificate, too")
        return None
    key = key or certificate

    def read(_: bytes) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key, _no_password)
        return context

    watched = WatchedFile(certificate, read, also=(key,))
    try:
        watched.value()
    except (OSError, ValueError) as error:
        raise _unusable(f"can't be used ({certificate}, {key}): {error}") from error
    return watched


def _no_password() -> str:
    raise ValueError("the key has a passphrase; give a key without one that only pledge can read")


def _unusable(message: str) -> SettingsError:
    return SettingsError([SettingProblem("PLEDGE_INTAKE_SMTP_TLS_CERTIFICATE", message)])
