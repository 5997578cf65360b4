"""Address fields (From, To, Reply-To …) by the grammar of RFC 5322, before anything is decoded.

An encoded-word is one token whatever it holds, so the words in it are part of a name and never an
address (RFC 2047 §5, §6.2). What real mail programs write beyond the grammar is read too: names
with commas or dots, ";" between addresses, a quote or bracket that never ends. One linear pass.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pledge.events.addresses import Address, parse_address

_ENCODED_WORD: Final = r"=\?[^?\s]{1,60}\?[bBqQ]\?[^?\r\n]{0,1000}\?="
_QUOTED: Final = r'|"(?P<quoted>(?:[^"\\]|\\.)*+)(?P<end>"?)'
_REST: Final = (
    r'|<(?P<angle>(?:[^<>"]|"[^"<>]*")*+)>?'
    rf'|(?P<mark>[,;:])|(?P<word>(?:(?!{_ENCODED_WORD})[^\s"<(,;:])+)|(?P<other>.)'
)
_BEGIN: Final = rf"(?P<space>[ \t\r\n]+)|(?P<encoded>{_ENCODED_WORD})"
_TOKEN: Final = re.compile(_BEGIN + _QUOTED + _REST, re.DOTALL)
_WITHOUT_QUOTES: Final = re.compile(_BEGIN + _REST, re.DOTALL)
_QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_MAX_DEPTH: Final = 50


@dataclass(frozen=True, slots=True)
class NamedAddress:
    """An address and the raw words that name it: encoded-words are still to be decoded."""

    address: Address
    name: str


@dataclass(slots=True)
class _Pending:
    """What was read since the last address: words, comments, and where spaces were."""

    words: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)  # without encoded-words: may be an address

    def name(self) -> str:
        text = " ".join("".join(self.words).split()).strip(" ,")
        return text or self.comment()

    def comment(self) -> str:
        return " ".join(each.strip() for each in self.comments)


def named_addresses(text: str) -> Iterator[NamedAddress]:
    """The addresses in the raw, unfolded field `text`, in order; what is none is left out."""
    pending = _Pending()
    for kind, said in _tokens(text):
        if kind == "angle":
            found = _in_brackets(said)
            if found is not None:
                yield NamedAddress(found, pending.name())
                pending = _Pending()
        elif kind == "mark":
            if (bare := _bare(pending)) is not None:
                yield bare
                pending = _Pending()
            elif said == "," and pending.words:  # "Example, Ann <ann@…>": the name goes on
                pending.words.append(", ")
                pending.bare.clear()
            else:  # the name of a group, or its end
                pending = _Pending()
        else:
            _take(pending, kind, said)
    if (bare := _bare(pending)) is not None:
        yield bare


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """What the field is made of, each with its kind."""
    position = 0
    tokens = _TOKEN
    while position < len(text):
        if text[position] == "(":
            comment, position = _comment(text, position)
            yield "comment", comment
            continue
        token = tokens.match(text, position)
        if token is None:
            return
        if tokens is _TOKEN and token["quoted"] is not None and not token["end"]:
            position, tokens = position + 1, _WITHOUT_QUOTES  # it never ends: no quote at all
            continue
        position = token.end()
        kind = "quoted" if token.lastgroup == "end" else token.lastgroup or "other"
        yield kind, token[kind]


def _take(pending: _Pending, kind: str, said: str) -> None:
    if kind == "comment":
        pending.comments.append(said)
    elif kind == "quoted":
        pending.words.append(_QUOTED_PAIR.sub(r"\1", said))
        pending.bare.append(f'"{said}"')
    elif kind == "encoded":
        pending.words.append(said)
        pending.bare.append(" ")
    else:
        pending.words.append(said)
        pending.bare.append(" " if kind == "space" else said)


def _in_brackets(text: str) -> Address | None:
    """The address between angle brackets: an old route before it (`@a,@b:`) means nothing."""
    text = text.strip()
    if text.startswith("@"):
        text = text.rpartition(":")[2]
    if text[:7].lower() == "mailto:":
        text = text[7:]
    return parse_address(text) or parse_address("".join(text.split()))


def _bare(pending: _Pending) -> NamedAddress | None:
    """The address that stands without brackets; a comment, or the words around, are its name."""
    text = "".join(pending.bare).strip().strip("'")
    if "@" not in text:
        return None
    # White space around dots and "@" is of the old grammar (RFC 5322 §4.4).
    whole = parse_address(text)
    words = text.split()
    single = [each for each in words if "@" in each]
    if whole is None and len(words) > 1 and (found := parse_address(single[0])) is not None:
        around = "".join(pending.words).replace(single[0], " ", 1)
        return NamedAddress(found, " ".join(around.split()) or pending.comment())
    whole = whole or parse_address("".join(words))
    return NamedAddress(whole, pending.comment()) if whole else None


def _comment(text: str, start: int) -> tuple[str, int]:
    """The comment that begins at `start`, without its outer brackets, and where text goes on; one
    that nests too deep, or never ends, is the rest of the text."""
    depth = 0
    position = start
    while position < len(text):
        each = text[position]
        if each == "\\":
            position += 1
        elif each == "(":
            depth += 1
            if depth > _MAX_DEPTH:
                break
        elif each == ")":
            depth -= 1
            if depth == 0:
                return _QUOTED_PAIR.sub(r"\1", text[start + 1 : position]), position + 1
        position += 1
    return _QUOTED_PAIR.sub(r"\1", text[start + 1 :]), len(text)
