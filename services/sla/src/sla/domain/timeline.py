"""A timer's life as a small picture: SVG that needs no script and no style sheet.

What counted is a full bar, and slashed past the due instant; what was closed is hatched, what was
paused is dotted: the difference is never in the colour alone. Each stretch says in its title what
it is. Places are in percent of the width, so that the picture fills a narrow page as well and its
words keep their size. Classes let a page's style sheet change the colours, for the dark say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from html import escape

from sla.domain.explain import TimerExplanation, why_words
from sla.domain.model import Segment

TOP, BAR = 2, 22
LANE = 16
# Of the width: what a mark's words need at most on a narrow page.
LABEL = 30.0
# A stretch of no length to speak of is still to be seen.
THINNEST = 0.15

_PATTERNS = """\
<defs>
<pattern id="{id}-closed" width="6" height="6" patternUnits="userSpaceOnUse">
<rect class="ground closed" width="6" height="6" fill="#eef1f4"/>
<path class="hatch" d="M-1 1L1 -1M0 6L6 0M5 7L7 5" stroke="#7b8694" stroke-width="1"/></pattern>
<pattern id="{id}-paused" width="6" height="6" patternUnits="userSpaceOnUse">
<rect class="ground paused" width="6" height="6" fill="#fdeecb"/>
<circle class="dot" cx="3" cy="3" r="1.2" fill="#7a4a00"/></pattern>
<pattern id="{id}-over" width="8" height="8" patternUnits="userSpaceOnUse">
<rect class="ground over" width="8" height="8" fill="#9b1c1c"/>
<path class="slash" d="M-1 7L1 9M0 0L8 8M7 -1L9 1" stroke="#ffffff" stroke-width="1.2"/></pattern>
</defs>"""


def stretches(explanation: TimerExplanation) -> list[tuple[Segment, str]]:
    """Each stretch with how it is drawn: `counted`, `over` (counted, past the due instant),
    `paused` (by somebody) or `closed` (by the calendar)."""
    due = explanation.breached_at
    found: list[tuple[Segment, str]] = []
    for one in explanation.segments:
        if not one.is_counted:
            found.append((one, "paused" if one.why.startswith("paused") else "closed"))
        elif due is None or one.to_at <= due:
            found.append((one, "counted"))
        elif due <= one.from_at:
            found.append((one, "over"))
        else:
            found += [(replace(one, to_at=due), "counted"), (replace(one, from_at=due), "over")]
    return found


def timeline_svg(explanation: TimerExplanation, now: datetime, *, element_id: str = "t") -> str:
    """The picture of one timer; `element_id` keeps several apart on one page."""
    timer, zone = explanation.timer, explanation.zone
    marks = _marks(explanation, now)
    begin = timer.started_at
    end = max([begin, *(one.to_at for one in explanation.segments), *(at for at, _ in marks)])
    length = (end - begin).total_seconds() or 1.0

    def x(at: datetime) -> float:
        return round(100 * (at - begin).total_seconds() / length, 2)

    lanes = _lanes([x(at) for at, _ in marks])
    height = TOP + BAR + 6 + LANE * (max(lanes) + 1)
    safe_id = escape(element_id, quote=True)
    name = timer.title or timer.metric.replace("_", " ")
    title = _text(f"{name}: {explanation.headline()}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline" width="100%" height="{height}" '
        f'role="img" aria-label="{title}" font-family="sans-serif" font-size="12">',
        _PATTERNS.replace("{id}", safe_id),
        f'<rect class="track" x="0" y="{TOP}" width="100%" height="{BAR}" fill="none" '
        'stroke="#7b8694"/>',
    ]
    for one, kind in stretches(explanation):
        fill = "#1d4f91" if kind == "counted" else f"url(#{safe_id}-{kind})"
        width = max(round(x(one.to_at) - x(one.from_at), 2), THINNEST)
        local = f"{_clock(one.from_at.astimezone(zone))} to {_clock(one.to_at.astimezone(zone))}"
        parts.append(
            f'<rect class="bar {kind}" x="{x(one.from_at)}%" y="{TOP}" width="{width}%" '
            f'height="{BAR}" fill="{fill}"><title>{_text(f"{local}: {why_words(one.why)}")}'
            "</title></rect>"
        )
    parts += [
        _mark(x(at), f"{name} {_short(at.astimezone(zone), begin.astimezone(zone))}", name, lane)
        for (at, name), lane in zip(marks, lanes, strict=True)
    ]
    return "\n".join([*parts, "</svg>"])


def _marks(explanation: TimerExplanation, now: datetime) -> list[tuple[datetime, str]]:
    """The instants that are named, in order."""
    timer = explanation.timer
    is_over = timer.met_at is not None or timer.cancelled_at is not None
    named = (
        (timer.started_at, "start"),
        (timer.expect_at, "expected"),
        (timer.due_at, "due"),
        (timer.met_at, "done"),
        (None if is_over else now, "now"),
    )
    found = [(at, name) for at, name in named if at is not None and at >= timer.started_at]
    return sorted(found, key=lambda mark: mark[0])


def _lanes(places: Sequence[float]) -> list[int]:
    """For each label a lane below the bar, in which it overlaps no other and no mark crosses it."""
    placed: dict[int, tuple[float, float, float, int]] = {}  # x, begin and end of the label, lane
    # From the middle outwards: what stands further out reaches past the others to a deeper lane.
    order = sorted(range(len(places)), key=lambda n: (_is_turned(places[n]), abs(places[n] - 70)))
    for number in order:
        x = places[number]
        begin, end = (x - LABEL, x) if _is_turned(x) else (x, x + LABEL)
        lane = 0
        while any(
            (other == lane and begin < other_end and other_begin < end)
            or (other < lane and other_begin < x < other_end)
            or (other > lane and begin < other_x < end)
            for other_x, other_begin, other_end, other in placed.values()
        ):
            lane += 1
            if lane > len(places):
                break
        placed[number] = (x, begin, end, lane)
    return [placed[number][3] for number in range(len(places))]


def _is_turned(x: float) -> bool:
    """Whether a label stands before its mark, because behind it the picture ends."""
    return x > 100 - LABEL


def _mark(x: float, label: str, name: str, lane: int) -> str:
    bottom = TOP + BAR + 6 + LANE * (lane + 1) - 4
    anchor, shift = ("end", -4) if _is_turned(x) else ("start", 4)
    return (
        f'<line class="mark {name}" x1="{x}%" x2="{x}%" y1="0" y2="{bottom}" '
        'stroke="#1b2430" stroke-width="1.5"/>'
        f'<text x="{x}%" dx="{shift}" y="{bottom}" text-anchor="{anchor}" fill="#1b2430">'
        f"{_text(label)}</text>"
    )


def _text(words: str) -> str:
    # Control characters, which a name may hold, are no XML.
    return escape("".join(one for one in words if one.isprintable()), quote=True)


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def _short(at: datetime, start: datetime) -> str:
    """A mark's time; its day only where it is not that of the start."""
    clock = f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
    return clock if at.date() == start.date() else f"{at:%a} {at.day} {at:%b} {clock}"
