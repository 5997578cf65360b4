"""Fills a desk's templates: in a sandbox, HTML escaped, every time in the recipient's zone, named.

A desk's templates come from a file that a customer of Pledge may write; the sandbox keeps them from
reaching anything but what they are given.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChainableUndefined, Template, TemplateError, TemplateSyntaxError, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notify.domain.desk import Template as DeskTemplate
from pledge.runtime.http.web.format import words, zone_name

_ZONE = "recipient_zone"
LONGEST_RESULT = 500_000  # characters; a template's loop can't fill the memory of the mail's reader


class RenderFailed(Exception):
    """A template can't be filled; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message in words."""

    subject: str
    text: str
    html: str | None


def in_zone(instant: datetime, zone: str) -> str:
    """An instant as people of this zone read it, with the zone named: SMS-08.

    >>> in_zone(datetime.fromisoformat("2026-01-05T12:00:00+00:00"), "Europe/Berlin")
    'Mon 5 Jan 2026, 13:00:00 CET (Europe/Berlin)'
    """
    local = instant.astimezone(ZoneInfo(zone))
    day = f"{local:%a} {local.day} {local:%b %Y}"
    return f"{day}, {local:%H:%M:%S} {zone_name(local)} ({zone})"


@pass_context
def _finalize(context: Context, value: Any) -> Any:
    """What `{{ … }}` prints: an instant in the recipient's zone, nothing for None."""
    if isinstance(value, datetime):
        return in_zone(value, str(context[_ZONE]))
    return "" if value is None else value


_SWELLING = frozenset(
    {
        "center", "encode", "expandtabs", "format", "format_map", "join", "ljust", "replace",
        "rjust", "translate", "zfill",
    }
)  # fmt: skip
_SWELLING_FILTERS = (
    "batch", "center", "format", "indent", "pprint", "replace", "slice", "tojson", "wordwrap",
    "xmlattr",
)  # fmt: skip


class _Sandbox(ImmutableSandboxedEnvironment):
    """Reaches nothing but its values, and can't make much out of little."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers; repeating text or raising to a power is refused."""
        if operator == "**" or not all(isinstance(side, int | float) for side in (left, right)):
            raise SecurityError(f"`{operator}` is not available here")
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Not the methods of text that pad or repeat, and none of bytes and numbers."""
        if isinstance(obj, bytes | int | float) or (isinstance(obj, str) and attr in _SWELLING):
            return False
        return super().is_safe_attribute(obj, attr, value)


def _environment(*, autoescape: bool) -> ImmutableSandboxedEnvironment:
    environment = _Sandbox(
        autoescape=autoescape,
        undefined=ChainableUndefined,
        finalize=_finalize,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=0,
    )
    # Without range a template can only loop over what it is given; without these filters it can
    # only shorten text.
    environment.globals.clear()
    for name in _SWELLING_FILTERS:
        environment.filters.pop(name)
    # Names such as that of a promise, for people: `{{ metric|words }}`.
    environment.filters["words"] = lambda value: words("" if value is None else str(value))
    return environment


_PLAIN = _environment(autoescape=False)
_HTML = _environment(autoescape=True)


@lru_cache(maxsize=2048)
def _compiled(source: str, is_html: bool) -> Template:
    return (_HTML if is_html else _PLAIN).from_string(source)


def check(template: DeskTemplate) -> dict[str, str]:
    """Syntax errors by part ("subject", "text", "html"); empty when there is none."""
    errors: dict[str, str] = {}
    parts = (("subject", template.subject), ("text", template.text), ("html", template.html or ""))
    for part, source in parts:
        try:
            _compiled(source, part == "html")
        except TemplateSyntaxError as error:
            errors[part] = f"line {error.lineno}: {error.message}"
    return errors


def render(template: DeskTemplate, values: Mapping[str, Any], zone: str) -> Rendered:
    """Fill a template for a recipient in `zone`. Raises RenderFailed."""
    given = {**values, _ZONE: zone}
    subject = _fill(template.subject, given, is_html=False)
    return Rendered(
        subject=" ".join(subject.split()),
        text=_fill(template.text, given, is_html=False),
        html=_fill(template.html, given, is_html=True) if template.html else None,
    )


# A macro that calls itself ends in one of the last two: the template's fault, too, and a page whose
# template fails goes out with built-in wording.
_FAILURES = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    RecursionError,
    MemoryError,
)


def _fill(source: str, values: Mapping[str, Any], *, is_html: bool) -> str:
    size = 0
    parts: list[str] = []
    try:
        for part in _compiled(source, is_html).generate(values):
            parts.append(part)
            size += len(part)
            if size > LONGEST_RESULT:
                raise RenderFailed(f"the message is longer than {LONGEST_RESULT} characters")
    except _FAILURES as error:
        raise RenderFailed(f"{type(error).__name__}: {error}") from error
    return "".join(parts)
