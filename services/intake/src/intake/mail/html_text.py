"""Plain text out of a mail's HTML, in one linear pass.

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
_BREAKS: Final = frozenset(
    ("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset",
     "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main",
     "nav", "ol", "p", "pre", "section", "table", "title", "tr", "ul")
)  # fmt: skip
_UNSEEN: Final = frozenset(("script", "style", "head", "noscript", "template", "svg"))
_SPACES: Final = re.compile(r"[ \t\r\n\f\v]+")
_AROUND_BREAK: Final = re.compile(r" *\n *")
MAX_HTML: Final = 1_000_000
"""Characters of HTML looked at; what follows is left out."""


def html_to_text(markup: str) -> str:
    """The readable text of ``markup``, a line per block element. Total: any string gives a text."""
    markup = markup[:MAX_HTML]
    lowered = markup.lower()
    out: list[str] = []
    position = 0
    while True:
        opening = markup.find("<", position)
        if opening < 0:
            out.append(_SPACES.sub(" ", markup[position:]))
            break
        out.append(_SPACES.sub(" ", markup[position:opening]))
        position, instead = _after_tag(markup, lowered, opening)
        out.append(instead)
        if position < 0:
            break
    # A no-break space is never collapsed: log lines are indented by them.
    text = _AROUND_BREAK.sub("\n", html.unescape("".join(out)))
    return text.replace("\u00a0", " ").strip()


def _after_tag(markup: str, lowered: str, opening: int) -> tuple[int, str]:
    """Where text goes on after what is at ``opening`` (-1: nowhere); the text in its place."""
    if markup.startswith("<!--", opening):
        end = markup.find("-->", opening + 4)
        return (-1 if end < 0 else end + 3), ""
    if not _BEGINS_TAG.match(markup, opening):
        return opening + 1, "<"
    closing = _end_of_tag(markup, opening)
    if closing < 0:
        return -1, ""
    name = _TAG_NAME.match(markup, opening + 1, min(closing, opening + 40))
    if name is None:
        return closing + 1, ""
    tag = lowered[name.start(1) : name.end(1)]
    if tag in _UNSEEN and markup[opening + 1] != "/" and markup[closing - 1] != "/":
        end = lowered.find(f"</{tag}", closing)
        if end < 0:
            return -1, ""
        end = markup.find(">", end)
        return (-1 if end < 0 else end + 1), "\n"
    return closing + 1, "\n" if tag in _BREAKS else ""


def _end_of_tag(markup: str, opening: int) -> int:
    """Where the tag's `>` is; -1: nowhere."""
    whole = _TAG.match(markup, opening, opening + _LONGEST_QUOTED)
    return whole.end() - 1 if whole else markup.find(">", opening)
