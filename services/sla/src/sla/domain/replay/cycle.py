"""One cycle of a metric: when it started, paused, resumed and ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sla.domain.values import Note, Timer


class Revision(NamedTuple):
    """A due time that was agreed at an instant, None where that was withdrawn."""

    at: int
    due: int | None
    sequence: int  # of its fact
    who: str
    why: str


Built = tuple[Timer | None, Note | None]
"""The timer of a cycle, None when nothing was ever promised for it, and what is odd about it."""


class Cycle:
    """One cycle. Instants in microseconds since 1970."""

    __slots__ = (
        "bits",
        "built",
        "carried",
        "ended",
        "ended_by",
        "fields",
        "first",
        "goes_on",
        "is_met",
        "last",
        "metric",
        "number",
        "paused_by",
        "paused_since",
        "pauses",
        "revisions",
        "started",
        "started_by",
        "who",
    )

    def __init__(
        self,
        metric: int,
        number: int,
        started: int,
        started_by: str,
        bits: tuple[bool, ...],
        fields: Mapping[str, int],
        first: int,
        carried: Cycle | None,
    ) -> None:
        self.metric = metric
        self.number = number
        self.started = started
        self.started_by = started_by
        self.bits = bits
        self.fields = fields
        self.first = first
        self.carried = carried
        self.goes_on = False  # there was time left of `carried` when it began
        self.last: int | None = None  # entry of the timeline in force at the end
        self.ended: int | None = None
        self.ended_by = self.paused_by = self.who = ""
        self.is_met = False
        self.paused_since: int | None = None
        self.pauses: tuple[tuple[int, int, str, str], ...] = ()
        self.revisions: tuple[Revision, ...] = ()
        self.built: Built | None = None  # None: changed since it was built, or never built

    def pause(self, at: int, by: str, who: str) -> None:
        """Time stands still from `at` on."""
        if self.paused_since is None:
            self.paused_since, self.paused_by, self.who = at, by, who
            self.built = None

    def resume(self, at: int) -> None:
        """Time counts again; a pause of no length is none."""
        if self.paused_since is not None:
            if at > self.paused_since:
                pause = (self.paused_since, at, self.paused_by, self.who)
                self.pauses = (*self.pauses, pause)
            self.paused_since = None
            self.built = None

    def revise(self, revision: Revision) -> None:
        """Another due time was agreed, or the agreed one withdrawn."""
        self.revisions = (*self.revisions, revision)
        self.built = None

    def end(self, at: int, by: str, *, is_met: bool, entry: int) -> None:
        """Met or cancelled; later changes of the ticket do not touch it."""
        self.ended, self.ended_by, self.is_met, self.last = at, by, is_met, entry
        self.built = None

    @property
    def was_paused(self) -> bool:
        """Whether anything stood still in this cycle."""
        return bool(self.pauses) or self.paused_since is not None
