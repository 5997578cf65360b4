"""Quiet tickets: how far the two conditions of a silence rule are met (VIR-10)."""

from __future__ import annotations

from sla.domain.calendar.calendar import NeverOpens
from sla.domain.calendar.zones import from_us
from sla.domain.policy.rules import SilenceRule
from sla.domain.values import Silence


class QuietPeriod:
    """When the customer was last heard, and the attempts made since."""

    __slots__ = ("attempts", "heard_us")

    def __init__(self, opened_us: int) -> None:
        self.heard_us = opened_us
        self.attempts: list[int] = []

    def record(self, at: int, *, is_heard: bool) -> None:
        """The customer was heard, or an attempt to reach them failed."""
        if is_heard:
            self.heard_us = at
            self.attempts = []
        else:
            self.attempts.append(at)


def build_silence(rule: SilenceRule, quiet: QuietPeriod) -> Silence:
    """How far the rule's conditions are met: enough attempts and enough quiet time, both since
    the customer was last heard. The customer is warned before, but not before both are certain."""
    try:
        quiet_us: int | None = rule.calendar.add_us(quiet.heard_us, rule.quiet_us)
    except NeverOpens:
        quiet_us = None
    made, needed = len(quiet.attempts), rule.attempts_needed
    elapses_us = warn_us = None
    if quiet_us is not None and made >= needed:
        enough_us = quiet.attempts[needed - 1] if needed else quiet.heard_us
        elapses_us = max(quiet_us, enough_us)
        warn_us = max(elapses_us - rule.warn_us, enough_us)
    return Silence(
        rule=rule.name,
        attempts=made,
        attempts_needed=needed,
        heard_at=from_us(quiet.heard_us),
        quiet_until=None if quiet_us is None else from_us(quiet_us),
        warn_at=None if warn_us is None else from_us(warn_us),
        elapses_at=None if elapses_us is None else from_us(elapses_us),
    )
