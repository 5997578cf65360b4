"""The content of a mail as SMTP brings it, taken without holding up the event loop."""

import asyncio
from datetime import timedelta
from typing import Any, Final

from aiosmtpd.smtp import MISSING, SMTP

from pledge.runtime.clock import Clock

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
