"""Plain text out of a mail's HTML, in one linear pass: with the targets of its links and the words
of its pictures, which are often the report itself.

A mail is hostile input, and the standard library's HTMLParser and every parser that builds a tree
are quadratic on some of it (docs/adr/0008): this scanner builds none and never goes back.
"""

import html
import re
from typing import Final

_TAG_NAME: Final = re.compile(r"/?\s*([a-zA-Z][a-zA-Z0-9]*)")
_BEGINS_TAG: Final = re.compile(r"<[a-zA-Z/!?]")
_TAG: Final = re.compile(r"""<(?:[^<>"']++|"[^"]*"|'[^']*')*+>""")
_LONGEST_QUOTED: Final = 1_000
"""Characters of a tag in which quotes are respected: a `>` in an attribute doesn't end the tag."""
_LONGEST_TARGET: Final = 2_000
_BREAKS: Final = frozenset(
    ("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset",
     "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main",
     "nav", "ol", "p", "pre", "section", "table", "title", "tr", "ul")
)  # fmt: skip
_UNSEEN: Final = frozenset(("script", "style", "head", "noscript", "template", "svg"))
_SPACES: Final = re.compile(r"[ \t\r\n\f\v]+")
_AROUND_BREAK: Final = re.compile(r" *\n *")
_VALUE: Final = r"""\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+))"""
_HREF: Final = re.compile(r"[\s\"']href" + _VALUE, re.IGNORECASE)
_ALT: Final = re.compile(r"[\s\"']alt" + _VALUE, re.IGNORECASE)
# In a target `&copy=2` is no sign: only with a semicolon is it one.
_REFERENCE: Final = re.compile(r"&#?[a-zA-Z0-9]{1,32};")
_SHOWN: Final = re.compile(r"(https?|ftp|mailto|tel):", re.IGNORECASE)
MAX_HTML: Final = 1_000_000
"""Characters of HTML looked at; what follows is left out."""


def html_to_text(markup: str) -> str:
    """The readable text of ``markup``, a line per block element. Total: any string gives a text."""
    return _Scanner(markup[:MAX_HTML]).text()


class _Scanner:
    def __init__(self, markup: str) -> None:
        self._markup = markup
        self._lowered = markup.lower()
        self._out: list[str] = []
        self._link: tuple[str, int] | None = None
        """The target of the link that is open, and where in the text it began."""

    def text(self) -> str:
        """All of it."""
        markup, out = self._markup, self._out
        position = 0
        while position >= 0:
            opening = markup.find("<", position)
            if opening < 0:
                out.append(_SPACES.sub(" ", markup[position:]))
                break
            if opening > position:
                out.append(_SPACES.sub(" ", markup[position:opening]))
            position = self._after_tag(opening)
        self._end_link()
        # A no-break space is never collapsed: log lines are indented by them.
        text = _AROUND_BREAK.sub("\n", html.unescape("".join(out)))
        return text.replace("\u00a0", " ").strip()

    def _after_tag(self, opening: int) -> int:
        """Where text goes on after what is at ``opening``; -1: nowhere."""
        markup = self._markup
        if markup.startswith("<!--", opening):
            end = markup.find("-->", opening + 4)
            return -1 if end < 0 else end + 3
        if not _BEGINS_TAG.match(markup, opening):
            self._out.append("<")
            return opening + 1
        closing = _end_of_tag(markup, opening)
        if closing < 0:
            return -1
        name = _TAG_NAME.match(markup, opening + 1, min(closing, opening + 40))
        if name is None:
            return closing + 1
        tag = self._lowered[name.start(1) : name.end(1)]
        is_end = markup[opening + 1] == "/"
        if tag in _UNSEEN and not is_end and markup[closing - 1] != "/":
            self._out.append("\n")
            return self._after_unseen(tag, closing)
        if tag in _BREAKS:
            self._out.append("\n")
        elif tag == "a":
            self._end_link()
            if not is_end:
                self._begin_link(markup[opening : closing + 1])
        elif tag == "img":
            self._picture(markup[opening : closing + 1])
        return closing + 1

    def _after_unseen(self, tag: str, closing: int) -> int:
        end = self._lowered.find(f"</{tag}", closing)
        if end < 0:
            return -1
        end = self._markup.find(">", end)
        return -1 if end < 0 else end + 1

    def _begin_link(self, tag: str) -> None:
        target = _SPACES.sub("", _REFERENCE.sub(_unescaped, _attribute(_HREF, tag)))
        if _SHOWN.match(target) and len(target) <= _LONGEST_TARGET:
            self._link = (target, len(self._out))

    def _end_link(self) -> None:
        """Put the link's target behind its words, unless they say it."""
        if self._link is None:
            return
        target, begin = self._link
        self._link = None
        words = html.unescape("".join(self._out[begin:]))
        bare = re.sub(r"^(https?://|mailto:|tel:)|/$", "", target, flags=re.IGNORECASE)
        if bare.lower() not in words.lower():
            space = " " if words.strip() else ""
            self._out.append(html.escape(f"{space}<{target}>", quote=False))

    def _picture(self, tag: str) -> None:
        words = _SPACES.sub(" ", _attribute(_ALT, tag)).strip()
        if words:
            self._out.append(f"[{words}]")


def _unescaped(reference: re.Match[str]) -> str:
    return html.unescape(reference[0])


def _attribute(pattern: re.Pattern[str], tag: str) -> str:
    found = pattern.search(tag)
    return (found[1] or found[2] or found[3] or "") if found else ""


def _end_of_tag(markup: str, opening: int) -> int:
    """Where the tag's `>` is; -1: nowhere."""
    whole = _TAG.match(markup, opening, opening + _LONGEST_QUOTED)
    return whole.end() - 1 if whole else markup.find(">", opening)
