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
from typing import NamedTuple

from sla.domain.explain import TimerExplanation, why_words
from sla.domain.values import Segment

TOP, BAR = 2, 22
LANE = 16
# Of the width: what a letter of a mark's words needs on the narrowest page.
LETTER = 2.2
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

    day = begin.astimezone(zone)
    labels = _labels([(x(at), f"{name} {_short(at.astimezone(zone), day)}") for at, name in marks])
    height = TOP + BAR + 6 + LANE * (max(label.lane for label in labels) + 1)
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
    parts += [_mark(label, name) for label, (_, name) in zip(labels, marks, strict=True)]
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


class _Label(NamedTuple):
    """Where a mark's words stand: in which lane below the bar, before or behind the mark."""

    x: float
    words: str
    lane: int
    is_before: bool

    @property
    def width(self) -> float:
        return LETTER * (len(self.words) + 1)

    @property
    def begin(self) -> float:
        return self.x - self.width if self.is_before else self.x

    @property
    def end(self) -> float:
        return self.x if self.is_before else self.x + self.width

    def is_clear_of(self, other: _Label) -> bool:
        """Whether neither hides the other, nor its line crosses the other's words."""
        if self.lane == other.lane:
            return self.end <= other.begin or other.end <= self.begin
        deeper, upper = (self, other) if self.lane > other.lane else (other, self)
        return not upper.begin < deeper.x < upper.end


def _labels(marks: Sequence[tuple[float, str]]) -> list[_Label]:
    """A place for each mark's words, in as few lanes as will do."""
    for lanes in range(1, len(marks) + 1):
        if (found := _fitting(marks, lanes, [])) is not None:
            return found
    return [_Label(x, words, lane, x > 50) for lane, (x, words) in enumerate(marks)]


def _fitting(
    marks: Sequence[tuple[float, str]], lanes: int, placed: list[_Label]
) -> list[_Label] | None:
    """The first way to place all labels in `lanes` after those `placed`; None without one."""
    if len(placed) == len(marks):
        return placed
    for lane in range(lanes):
        for is_before in (False, True):
            label = _Label(*marks[len(placed)], lane, is_before)
            if label.begin < 0 or label.end > 100 or not all(map(label.is_clear_of, placed)):
                continue
            if (found := _fitting(marks, lanes, [*placed, label])) is not None:
                return found
    return None


def _mark(label: _Label, name: str) -> str:
    x, bottom = label.x, TOP + BAR + 6 + LANE * (label.lane + 1) - 4
    anchor, shift = ("end", -4) if label.is_before else ("start", 4)
    return (
        f'<line class="mark {name}" x1="{x}%" x2="{x}%" y1="0" y2="{bottom}" '
        'stroke="#1b2430" stroke-width="1.5"/>'
        f'<text x="{x}%" dx="{shift}" y="{bottom}" text-anchor="{anchor}" fill="#1b2430">'
        f"{_text(label.words)}</text>"
    )


def _text(words: str) -> str:
    # Control characters, which a name may hold, are no XML.
    return escape("".join(one for one in words if one.isprintable()), quote=True)


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def _short(at: datetime, start: datetime) -> str:
    """A mark's time; its day only where it is not that of the start."""
    clock = f"{at:%H:%M:%S}" if at.second else f"{at:%H:%M}"
    days = (at.date() - start.date()).days
    if days == 0:
        return clock
    return f"{at:%a} {clock}" if days < 7 else f"{at.day} {at:%b} {clock}"
