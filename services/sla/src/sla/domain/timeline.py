"""A timer's life as a small picture: SVG that needs no script and no style sheet.

What counted is a full bar, what was closed is hatched, what was paused is dotted: the difference
is never in the colour alone. Each stretch says in its title what it is.
"""

from __future__ import annotations

from datetime import datetime
from html import escape

from sla.domain.explain import TimerExplanation
from sla.domain.segments import COUNTED

WIDTH, HEIGHT = 720, 64
LEFT, RIGHT = 8, WIDTH - 8
TOP, BAR = 22, 18

_PATTERNS = """\
<defs>
<pattern id="{id}-closed" width="6" height="6" patternUnits="userSpaceOnUse">
<rect width="6" height="6" fill="#eef1f4"/>
<path d="M0 6L6 0" stroke="#9aa5b1" stroke-width="1"/></pattern>
<pattern id="{id}-paused" width="6" height="6" patternUnits="userSpaceOnUse">
<rect width="6" height="6" fill="#fff6e0"/>
<circle cx="3" cy="3" r="1.2" fill="#b7791f"/></pattern>
</defs>"""


def timeline_svg(explanation: TimerExplanation, now: datetime, *, element_id: str = "t") -> str:
    """The picture of one timer; `element_id` keeps several apart on one page."""
    timer = explanation.timer
    instants = [timer.started_at, *(one.to_at for one in explanation.segments)]
    marks = [
        (at, name)
        for at, name in (
            (timer.expect_at, "expected"),
            (timer.due_at, "due"),
            (timer.met_at, "done"),
            (now, "now"),
        )
        if at is not None and at >= timer.started_at
    ]
    begin, end = timer.started_at, max([*instants, *(at for at, _ in marks)])
    length = (end - begin).total_seconds() or 1.0

    def x(at: datetime) -> float:
        return round(LEFT + (RIGHT - LEFT) * (at - begin).total_seconds() / length, 1)

    safe_id = escape(element_id, quote=True)
    title = _text(f"{timer.title or timer.metric}: {explanation.state.value}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{title}" font-family="sans-serif" font-size="10">',
        f"<title>{title}</title>",
        _PATTERNS.replace("{id}", safe_id),
    ]
    for one in explanation.segments:
        fill = "#2b6cb0" if one.why == COUNTED else f"url(#{safe_id}-closed)"
        if one.why.startswith("paused"):
            fill = f"url(#{safe_id}-paused)"
        width = max(x(one.to_at) - x(one.from_at), 0.5)
        label = _text(f"{_clock(one.from_at)} to {_clock(one.to_at)}: {one.why}")
        parts.append(
            f'<rect x="{x(one.from_at)}" y="{TOP}" width="{width:.1f}" height="{BAR}" '
            f'fill="{fill}" stroke="#4a5568" stroke-width="0.5"><title>{label}</title></rect>'
        )
    parts += [_mark(x(at), name, number) for number, (at, name) in enumerate(marks)]
    return "\n".join([*parts, "</svg>"])


def _text(words: str) -> str:
    # Control characters, which a name may hold, are no XML.
    return escape("".join(one for one in words if one.isprintable()), quote=True)


def _mark(x: float, name: str, number: int) -> str:
    # Labels alternate above and below, and turn inwards at the right end.
    y = 14 if number % 2 == 0 else TOP + BAR + 18
    anchor = "end" if x > WIDTH * 0.85 else "start"
    shift = -3 if anchor == "end" else 3
    return (
        f'<path d="M{x} {TOP - 14}V{TOP + BAR + 18}" stroke="#c53030" stroke-width="1"/>'
        f'<text x="{x + shift}" y="{y}" text-anchor="{anchor}" fill="#1a202c">{name}</text>'
    )


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
