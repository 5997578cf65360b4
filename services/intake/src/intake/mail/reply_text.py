"""A mail's text as its writer's new words, what it quotes, and the signature. All is kept.

Lines that a program marked with ">" are quoted wherever they stand, so that answers between them
stay visible; what follows a header block as Outlook writes it, or an attribution without marks, is
quoted to the end. Where nothing else is said, all of the text is visible.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from intake.mail.quote_words import (
    CLOSING,
    FORWARDED_MESSAGE,
    MAY_MARK,
    MOBILE_SIGNATURE,
    ORIGINAL_MESSAGE,
    RULE,
    WROTE,
    field_of,
)

_QUOTED: Final = re.compile(r"^\s{0,3}(?:>|\|\s)")
_SEPARATOR: Final = re.compile(r"^(?:-- ?|—|– ?|__+)$")
_LIST_ITEM: Final = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s")
_POSTSCRIPT: Final = re.compile(r"^\s*P\.?\s?S\.?\b", re.IGNORECASE)
_ENDS_ATTRIBUTION: Final = re.compile(r"[:：]\s*$")
_DATED: Final = re.compile(r"\d{1,4}")
_YEAR_AND_TIME: Final = re.compile(r"20\d\d.*\d{1,2}[:.時시]\d{0,2}|\d{1,2}[:.]\d\d.*20\d\d")
_ADDRESS_END: Final = re.compile(r"[>)\]]\s*[:：]\s*$")

_ATTRIBUTION_LINES: Final = 4
_ATTRIBUTION_LENGTH: Final = 400
_BLOCK_LINES: Final = 9
_SIGNATURE_LINES: Final = 15
_CLOSING_LINES: Final = 10
_SIGNATURE_LINE_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class SplitReply:
    """The parts of a mail's text. ``signature`` is without its separator."""

    visible: str
    quoted: str
    signature: str


def split_reply(text: str) -> SplitReply:
    """The parts of ``text``. Total: any text gives parts, and no words get lost."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cut = _beginning_of_quote(lines)
    own, quoted = _without_marked(lines[:cut])
    quoted += lines[cut:]
    own, signature = _without_signature(own)
    visible = _joined(own)
    if not visible and signature and not quoted:
        return SplitReply(_joined(lines), "", "")
    if not visible and quoted and _is_forward(quoted):
        return SplitReply(text.strip(), "", "")
    return SplitReply(visible, _joined(quoted), _joined(signature))


def _joined(lines: Sequence[str]) -> str:
    text = "\n".join(line.rstrip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", text).strip("\n").rstrip()


def _is_forward(lines: Sequence[str]) -> bool:
    first = next((each for each in lines if each.strip()), "")
    return FORWARDED_MESSAGE.match(first) is not None


# ---- quotes ----


def _beginning_of_quote(lines: Sequence[str]) -> int:
    """The line from which all is quoted, without marks; the number of lines if there is none."""
    for index, line in enumerate(lines):
        if _QUOTED.match(line) or not line.strip():
            continue
        length = _attribution(lines, index)
        if length and not _marked_follows(lines, index + length):
            return index
        if not MAY_MARK.search(line):
            continue
        if ORIGINAL_MESSAGE.match(line) or FORWARDED_MESSAGE.match(line):
            return index
        if header_block(lines, index) is not None:
            return _with_rule(lines, index)
    return len(lines)


def header_block(lines: Sequence[str], index: int) -> dict[str, str] | None:
    """The fields that begin at the line, as programs write them above a mail that they quote: From
    and two others at least, in any language. None if there are none."""
    if field_of(lines[index]) is None:
        return None
    found: dict[str, str] = {}
    for line in lines[index : index + _BLOCK_LINES]:
        field = field_of(line)
        if field is not None:
            found.setdefault(*field)
        elif not line.strip("> \t") and len(found) >= 3:
            break
    is_block = "from" in found and len(found.keys() & {"sent", "to", "subject"}) >= 2
    return found if is_block and found["from"] else None


def _with_rule(lines: Sequence[str], index: int) -> int:
    before = index - 1
    while before >= 0 and not lines[before].strip():
        before -= 1
    return before if before >= 0 and RULE.match(lines[before]) else index


def _attribution(lines: Sequence[str], index: int) -> int:
    """How many lines from here say who wrote what follows; 0: they don't."""
    said = ""
    window = lines[index : index + _ATTRIBUTION_LINES]
    if not any(each.rstrip().endswith((":", "：")) for each in window):
        return 0
    for count, line in enumerate(window, 1):
        stripped = line.lstrip("> \t").rstrip()
        if not stripped:
            return 0
        said = f"{said} {stripped}" if said else stripped
        if len(said) > _ATTRIBUTION_LENGTH:
            return 0
        if _ENDS_ATTRIBUTION.search(said):
            return count if _names_writer(said) else 0
    return 0


def _names_writer(said: str) -> bool:
    has_address = "@" in said
    if WROTE.search(said) and _DATED.search(said):
        return has_address or len(said) < 160
    return has_address and bool(_ADDRESS_END.search(said) and _YEAR_AND_TIME.search(said))


def _marked_follows(lines: Sequence[str], index: int) -> bool:
    following = (each for each in lines[index : index + 3] if each.strip())
    return _QUOTED.match(next(following, "")) is not None


def _without_marked(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines without those marked as quoted and the attributions before them; and these."""
    own: list[str] = []
    quoted: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        length = 0 if _QUOTED.match(line) else _attribution(lines, index)
        if _QUOTED.match(line):
            length = 1
        elif not (length and _marked_follows(lines, index + length)):
            own.append(line)
            index += 1
            continue
        quoted += lines[index : index + length]
        index += length
    return own, quoted


# ---- signature ----


def _without_signature(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines without the signature, and it: after a separator, from a closing on, or the line
    that a phone adds."""
    kept = list(lines)
    while kept and not kept[-1].strip():
        kept.pop()
    tail: list[str] = []
    while kept and MOBILE_SIGNATURE.match(kept[-1]):
        tail.insert(0, kept.pop())
        while kept and not kept[-1].strip():
            kept.pop()
    start, skipped = _signature_start(kept)
    if tail and start == len(kept) and kept and _SEPARATOR.match(kept[-1].rstrip()):
        kept.pop()
        start = len(kept)
    signature = [*kept[start + skipped :], *tail]
    return kept[:start], signature


def _signature_start(lines: Sequence[str]) -> tuple[int, int]:
    """Where the signature begins, and how many lines of it are its separator."""
    first = max(0, len(lines) - _SIGNATURE_LINES - 1)
    separators = [
        index for index in range(first, len(lines)) if _SEPARATOR.match(lines[index].rstrip("\t "))
    ]
    for index in separators:
        if _is_signature(lines[index + 1 :]):
            return index, 1
    for index in range(max(0, len(lines) - _CLOSING_LINES), len(lines)):
        if CLOSING.match(lines[index]) and _is_signature(lines[index + 1 :], may_be_empty=True):
            return index, 0
    return len(lines), 0


def _is_signature(lines: Sequence[str], *, may_be_empty: bool = False) -> bool:
    """Short lines that are neither steps of a list nor questions nor a postscript."""
    said = [each for each in lines if each.strip()]
    if not said:
        return may_be_empty
    return not any(
        len(each) > _SIGNATURE_LINE_LENGTH
        or _LIST_ITEM.match(each)
        or _POSTSCRIPT.match(each)
        or each.rstrip().endswith(("?", "？"))
        for each in said
    )
