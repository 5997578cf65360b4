"""What a bounce or a complaint says of the mail that it returns: RFC 3464, RFC 5965, and the forms
of programs that follow neither.

The raw text is scanned once, so reports in any wrapping are found: as parts, inline,
or in the text alone.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from pledge.events import DeliveryReport
from pledge.events.addresses import normal_address

MAX_SCANNED: Final = 131_072
"""Bytes of the report looked at: the returned mail's body behind them says nothing."""
MAX_REPORTS: Final = 50
MAX_BLOCKS: Final = 200
"""Groups of fields read: recipients that are named twice count once."""
_MAX_LINE: Final = 2_000
_MAX_DIAGNOSTIC: Final = 1_000

_FIELD: Final = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,40}):[ \t]*(.*)$")
_NAMES_RECIPIENT: Final = (
    b"\nfinal-recipient:", b"\noriginal-recipient:", b"\noriginal-rcpt-to:",
    b"\nx-actual-recipient:", b"\naction:",
)  # fmt: skip
_MAX_BLOCK: Final = 16_384
_STATUS: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_REPLY_CODE: Final = re.compile(r"\b[45]\d\d[ -]")
_RETURNED: Final = re.compile(
    r"^(-{2,}[^\n]*(copy of|original message|message follows|returned message|below this line)"
    r"|content-type:\s*(message/rfc822|text/rfc822-headers)|received:|return-path:)",
    re.IGNORECASE,
)
_MESSAGE_ID: Final = re.compile(
    rb"[> \t]{0,20}message-id:[ \t]{0,20}(?:\n[> \t]{1,20})?(<[^<>\s]{1,500}>)", re.IGNORECASE
)
_ADDRESS: Final = re.compile(
    r"<?([^\s<>()\[\],;:\"'=]{1,64}@[^\s<>()\[\],;:\"']{1,200}?)>?[.,:;)]*(?=\s|$)"
)
_DELAY: Final = re.compile(
    r"\b(delayed|will be retried|will retry|not yet been delivered|still being retried)\b",
    re.IGNORECASE,
)
_FAILURE: Final = re.compile(
    r"\b(fail(ed|ure)?|undeliver\w*|unknown|denied|rejected|permanent|full|invalid|no such)\b",
    re.IGNORECASE,
)
_VERP: Final = re.compile(
    r"^[^+@]*\+(?:[^@]*\+)?([^@+]{1,128})=([a-z0-9.-]{3,200})@", re.IGNORECASE
)

_Block = dict[str, str]


def delivery_reports(
    content: bytes,
    *,
    failed_recipients: str = "",
    delivered_to: Iterable[str] = (),
    answers: str | None = None,
) -> tuple[DeliveryReport, ...]:
    """What `content`, the body of a bounce or complaint, says, a report for each recipient.

    `failed_recipients` is the field X-Failed-Recipients, `delivered_to` the addresses that the
    report came to, which may name the recipient (VERP), `answers` its In-Reply-To.
    """
    raw = content[:MAX_SCANNED].replace(b"\r\n", b"\n")
    lowered = raw.lower()  # as long as `raw`: only ASCII letters change
    returned = _returned_id(raw, lowered) or answers
    blocks = islice(_blocks(raw, lowered), MAX_BLOCKS)
    reports = _merged([_of_block(each, returned) for each in blocks])
    if not any(each.recipient for each in reports):
        lines = [_text(each)[:_MAX_LINE] for each in raw.split(b"\n", 400)[:400]]
        found = _by_words(lines, failed_recipients, delivered_to, returned)
        reports = found or reports
    return tuple(reports[:MAX_REPORTS])


def verp_recipient(address: str) -> str | None:
    """The address that a variable envelope return path names: `bounces+eve=customer.example@…`.
    The last "=" stands for its "@": a local part may hold others."""
    found = _VERP.match(address)
    return normal_address(f"{found[1]}@{found[2]}") if found else None


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _blocks(raw: bytes, lowered: bytes) -> Iterator[_Block]:
    """The groups of fields between blank lines that name a recipient or an action."""
    ahead = [_next(lowered, each, 0) for each in _NAMES_RECIPIENT]
    position = 0
    while (named := min(ahead)) < len(raw):
        start = raw.rfind(b"\n\n", 0, named) + 1
        end = raw.find(b"\n\n", named)
        position = len(raw) if end < 0 else end
        yield _fields(_text(raw[max(start, named - _MAX_BLOCK) : position][: 2 * _MAX_BLOCK]))
        ahead = [
            _next(lowered, each, position) if known < position else known
            for each, known in zip(_NAMES_RECIPIENT, ahead, strict=True)
        ]


def _next(lowered: bytes, name: bytes, position: int) -> int:
    """Where the next line that begins with the field's name begins, after the line end at
    `position` or, at 0, with the first line; the end of all if there is none."""
    if position == 0 and lowered.startswith(name[1:]):
        return 0
    found = lowered.find(name, position)
    return len(lowered) if found < 0 else found + 1


def _fields(text: str) -> _Block:
    """The fields of a group, unfolded, names in lower case, the first value kept."""
    block: _Block = {}
    name = ""
    for line in text.split("\n"):
        field = _FIELD.match(line[:_MAX_LINE])
        if field is not None:
            name = field[1].lower()
            if name in block:
                name = ""
            else:
                block[name] = field[2].strip()
        elif line.startswith((" ", "\t")) and name and len(block[name]) < _MAX_DIAGNOSTIC:
            block[name] += f" {line.strip()}"
        else:
            name = ""
    return block


def _of_block(block: Mapping[str, str], returned: str | None) -> DeliveryReport:
    said = block.get("diagnostic-code", "")
    text = said.partition(";")[2].strip() if re.match(r"^[\w-]+\s*;", said) else said
    recipient = (
        _recipient(block.get("original-recipient", ""))
        or _recipient(block.get("final-recipient", ""))
        or _recipient(block.get("original-rcpt-to", ""))
        or _recipient(block.get("x-actual-recipient", ""))
    )
    is_complaint = "feedback-type" in block
    status = _STATUS.search(block.get("status", "")) or _STATUS.search(text)
    action = block.get("action", "").partition(" ")[0].lower()
    return DeliveryReport(
        recipient=recipient,
        action="complained" if is_complaint else action or "failed",
        status=status[1] if status else None,
        diagnostic=block["feedback-type"] if is_complaint else text[:_MAX_DIAGNOSTIC],
        returned_message_id=returned,
    )


def _recipient(value: str) -> str | None:
    """The address of `rfc822; eve@customer.example`; some programs leave the type out."""
    bare = value.partition(";")[2] if ";" in value else value
    return normal_address(bare.strip().strip("<>").partition(" ")[0])


def _merged(reports: Iterable[DeliveryReport]) -> list[DeliveryReport]:
    """Each recipient once: a program may say the same of one in two places."""
    found: dict[tuple[str | None, str], DeliveryReport] = {}
    for each in reports:
        found.setdefault((each.recipient, each.action), each)
    named = [each for each in found.values() if each.recipient]
    return named or list(found.values())


def _returned_id(raw: bytes, lowered: bytes) -> str | None:
    """The Message-ID of the mail returned: the first one in the body that is a field's."""
    position = lowered.find(b"message-id:")
    while position >= 0:
        found = _MESSAGE_ID.match(raw, raw.rfind(b"\n", 0, position) + 1)
        if found is not None:
            return _text(found[1])
        position = lowered.find(b"message-id:", position + 1)
    return None


def _by_words(
    lines: Sequence[str],
    failed_recipients: str,
    delivered_to: Iterable[str],
    returned: str | None,
) -> list[DeliveryReport]:
    """A report of a program that follows no standard: what stands before the mail returned."""
    said = _before_returned(lines)
    text = " ".join(" ".join(said).split())
    named = [normal_address(each) for each in failed_recipients.split(",")]
    if not any(named):
        named = [verp_recipient(each) for each in delivered_to]
    if not any(named):
        named = list(_addresses(said))
    status = _STATUS.search(text)
    is_delay = _DELAY.search(text) is not None and not _FAILURE.search(text)
    code = next((each.strip() for each in said if _REPLY_CODE.search(each)), "")
    recipients: list[str | None] = list(dict.fromkeys(each for each in named if each))
    return [
        DeliveryReport(
            recipient=each,
            action="delayed" if is_delay else "failed",
            status=status[1] if status else None,
            diagnostic=code[:_MAX_DIAGNOSTIC],
            returned_message_id=returned,
        )
        for each in (recipients or ([None] if returned else []))
    ]


def _before_returned(lines: Sequence[str]) -> Sequence[str]:
    for index, line in enumerate(lines):
        if index > 1 and _RETURNED.match(line):
            return lines[:index]
    return lines[:200]


def _addresses(lines: Sequence[str]) -> Iterator[str]:
    """Addresses that begin a line, as recipients do; else the first one anywhere."""
    leading = []
    for line in lines:
        found = _ADDRESS.match(line.strip())
        address = normal_address(found[1]) if found else None
        if address is not None:
            leading.append(address)
    if leading:
        yield from leading
        return
    for line in lines:
        for found in _ADDRESS.finditer(line):
            address = normal_address(found[1])
            if address is not None:
                yield address
                return
