"""A mail's HTML made safe to be shown: only tags that format text, no script, no style, no form,
links that tell their target nothing, remote pictures off until a person asks for them.

Done when it is shown, so that a better sanitiser also helps old mails. The sanitiser builds a tree,
which takes time by the square of the depth: markup of too many tags is not shown as HTML at all.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import nh3

MAX_MARKUP: Final = 400_000
MAX_TAGS: Final = 10_000
"""Tags above which the text is shown instead: as many in each other take a fifth of a second."""

_TAGS: Final = frozenset(nh3.ALLOWED_TAGS) - {"area", "map", "article", "aside", "footer", "header",
                                              "nav", "hgroup"} | {"font", "big"}  # fmt: skip
_ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "ol": {"start"},
    "blockquote": set[str](),
}
_SCHEMES: Final = frozenset(("http", "https", "mailto", "tel", "cid"))
_LINKED: Final = re.compile(r"\s*(https?|mailto|tel):", re.IGNORECASE)
_REMOTE: Final = re.compile(r"\s*https?:", re.IGNORECASE)
_NO_FILES: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class SafeHtml:
    """Markup to be shown as it is, and how many remote pictures were left out of it."""

    markup: str
    remote_pictures: int


def safe_html(
    markup: str, *, files: Mapping[str, str] = _NO_FILES, shows_remote: bool = False
) -> SafeHtml | None:
    """The markup made safe; None if it is too large to be: then the text is shown. ``files`` gives
    the address of an inline file by its Content-ID, without brackets."""
    if len(markup) > MAX_MARKUP or markup.count("<") > MAX_TAGS:
        return None
    left_out = 0

    def keep(tag: str, name: str, value: str) -> str | None:
        nonlocal left_out
        if name == "href":
            return value if _LINKED.match(value) else None
        if name != "src":
            return value
        if value.strip().lower().startswith("cid:"):
            return files.get(value.strip()[4:])
        if not _REMOTE.match(value):
            return None
        if not shows_remote:
            left_out += 1
        return value if shows_remote else None

    cleaned = nh3.clean(
        markup,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return SafeHtml(cleaned, left_out)
