"""Plain text out of a mail's HTML, in one linear pass.

The standard library's HTMLParser is quadratic on some unclosed constructs; a mail is hostile input,
so this scanner looks at each character at most twice and builds no tree.
"""

import html
import re
from typing import Final

_TAG_NAME: Final = re.compile(r"/?\s*([a-zA-Z][a-zA-Z0-9]*)")
_BREAKS: Final = frozenset(
    ("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset",
     "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main",
     "nav", "ol", "p", "pre", "section", "table", "title", "tr", "ul")
)  # fmt: skip
_UNSEEN: Final = frozenset(("script", "style", "head", "noscript", "template", "svg"))
_SPACES: Final = re.compile(r"[ \t\r\n\f\v\u00a0]+")
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
        position, break_line = _after_tag(markup, lowered, opening)
        if break_line:
            out.append("\n")
        if position < 0:
            break
    return _AROUND_BREAK.sub("\n", html.unescape("".join(out))).strip()


def _after_tag(markup: str, lowered: str, opening: int) -> tuple[int, bool]:
    """Where text goes on after what is at ``opening`` (-1: nowhere); whether it breaks the line."""
    if markup.startswith("<!--", opening):
        end = markup.find("-->", opening + 4)
        return (-1 if end < 0 else end + 3), False
    closing = markup.find(">", opening)
    if closing < 0:
        return -1, False
    name = _TAG_NAME.match(markup, opening + 1, min(closing, opening + 40))
    if name is None:
        return closing + 1, False
    tag = lowered[name.start(1) : name.end(1)]
    if tag in _UNSEEN and markup[opening + 1] != "/" and markup[closing - 1] != "/":
        end = lowered.find(f"</{tag}", closing)
        if end < 0:
            return -1, False
        end = markup.find(">", end)
        return (-1 if end < 0 else end + 1), True
    return closing + 1, tag in _BREAKS
