"""Which rules of a list hide each other, and which compete for the same tickets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from pledge.runtime.desk_file.yaml_file import Steps
from sla.desk_file.boxes import Box, TooManyBoxes, Work, common, without
from sla.desk_file.fact_fields import Noun
from sla.desk_file.findings import Findings
from sla.desk_file.model import PolicyFile
from sla.desk_file.starts import Starts, TooManyCalendars
from sla.domain.policy.policy import Policy
from sla.domain.policy.rules import Due, Target
from sla.domain.values import Rule

MOST_LINES = 4  # named in one message
MOST_WORK = 400_000
"""Boxes that are looked at in one file, some seconds; a file of a hundred rules needs a tenth."""


def check_rules(
    file: PolicyFile, policy: Policy, nouns: Mapping[str, set[Noun]], findings: Findings
) -> None:
    """Warn of rules that are never reached, and of pairs of which only one can win.

    A list that is too much to decide is passed over.
    """
    work = Work(MOST_WORK)
    for metric in policy.metrics:
        for track in metric.tracks:
            try:
                starts = Starts(file, policy, nouns[metric.name], track)
                _List(track, starts, findings, work).check()
            except (TooManyBoxes, TooManyCalendars):
                continue


class _Matched:
    """A rule with what its targets (one for each of its calendars) match."""

    def __init__(self, rule: Rule, targets: Sequence[Target], starts: Starts) -> None:
        self.rule = rule
        self.begins = any(starts.begins(target) for target in targets)
        boxes = [(target, starts.box(target)) for target in targets]
        self.targets = [(target, box) for target, box in boxes if box is not None]
        self.boxes = [box for _, box in self.targets]
        self.reached: list[Box] = []
        """What no rule before it takes."""
        self.is_exception: bool | None = None
        """None until it is asked for."""


class _List:
    """The rules of one list in their order."""

    def __init__(
        self, track: Sequence[Target], starts: Starts, findings: Findings, work: Work
    ) -> None:
        self._starts, self._findings, self._work = starts, findings, work
        self._rules = [
            _Matched(rule, [*targets], starts)
            for rule, targets in groupby(track, key=lambda one: one.rule)
        ]

    def check(self) -> None:
        for number, each in enumerate(self._rules):
            before = self._rules[:number]
            left = self._left(each.boxes, [box for one in before for box in one.boxes])
            each.reached = self._left(left, self._starts.impossible())
            if not each.begins:
                message = "never holds: its calendars are never so when a timer starts"
                self._warn(each.rule, message, "look at `during` and `outside`")
            elif not each.boxes:
                continue  # its conditions were told to hold for nothing
            elif not left:
                if self._starts.is_exact or self._hides(before, each):
                    self._never_reached(each, before)
            elif all(self._starts.is_possible(box) is False for box in each.reached):
                message = "never holds: the severity's bounds and the flags leave no such ticket"
                self._warn(each.rule, message, "remove it, or change what it asks for")
            else:
                self._need_calendars(each, before)
                for earlier in before:
                    self._compete(earlier, each, is_exception=self._is_exception(earlier))

    def _need_calendars(self, each: _Matched, before: Sequence[_Matched]) -> None:
        """Report business days where `always` is the calendar that a condition chooses."""
        taken = [box for one in before for box in one.boxes]
        for target, box in each.targets:
            left = self._left(self._left([box], taken), self._starts.impossible())
            taken.append(box)
            steps = steps_of(each.rule)
            given = "within" if (*steps, "within") in self._findings.document.values else "by"
            for key, due in ((given, target.due), ("expect", target.expect)):
                if due is None or due.by is None or not target.calendar.is_always:
                    continue
                if any(self._starts.is_possible(one) for one in left):
                    when = " and ".join(str(one) for one in target.when) or "nothing else is said"
                    message = f"business days need a calendar, which is `always` where {when}"
                    hint = "add e.g. calendar: office, or a rule before it for these"
                    self._findings.report((*steps, key), message, hint)

    def _never_reached(self, each: _Matched, before: Sequence[_Matched]) -> None:
        alone = self._hides(before, each)
        if alone is not None:
            message = f"never reached: the rule on line {alone.rule.line} comes first"
            hint = "put the narrower rule first"
        else:
            touching = [one for one in before if any(_meet(one, each))]
            lines = [str(one.rule.line) for one in touching[:MOST_LINES]]
            more = " and others" if len(touching) > MOST_LINES else ""
            message = f"never reached: the rules on lines {', '.join(lines)}{more} take it all"
            hint = "put the narrower rule first, or remove this one"
        self._warn(each.rule, message, hint)

    def _hides(self, before: Sequence[_Matched], each: _Matched) -> _Matched | None:
        """The first rule that alone takes all that a later one matches."""
        return next((one for one in before if not self._left(each.boxes, one.boxes)), None)

    def _is_exception(self, rule: _Matched) -> bool:
        """Whether the rules after it are for all its tickets, each for some: then they say what
        holds otherwise, and it is an exception that was put before them."""
        if rule.is_exception is None:
            later = self._rules[self._rules.index(rule) + 1 :]
            left = rule.reached
            for one in later:
                if self._is_any_possible(self._left(rule.reached, one.boxes)):
                    left = self._left(left, one.boxes)
            rule.is_exception = not self._is_any_possible(left)
        return rule.is_exception

    def _compete(self, earlier: _Matched, later: _Matched, *, is_exception: bool) -> None:
        """Warn where the earlier rule takes some of what the later one promises otherwise; of an
        exception only where that is the stricter promise."""
        for target, box in earlier.targets:
            for other, its in later.targets:
                if not (target.is_promise and other.is_promise) or _same(target, other):
                    continue
                if is_exception and not _is_stricter(other, target):
                    continue
                if common(box, its) is None or not self._share(earlier, box, its):
                    continue
                alone = self._left(earlier.reached, later.boxes)
                if self._is_any_possible(alone):
                    message = f"overlaps the rule on line {earlier.rule.line}, which wins"
                    self._warn(later.rule, message, "say which tickets each is for")
                return  # else the narrower rule comes first

    def _share(self, earlier: _Matched, box: Box, its: Box) -> bool:
        """Whether some ticket that reaches the earlier rule is in both boxes."""
        self._work.spend(len(earlier.reached))
        reached = (common(one, box) for one in earlier.reached)
        shared = (common(one, its) for one in reached if one is not None)
        return any(self._starts.is_possible(one) for one in shared if one is not None)

    def _is_any_possible(self, boxes: Sequence[Box]) -> bool:
        """Whether some ticket is in one of them, as far as that is known."""
        return any(self._starts.is_possible(box) for box in boxes)

    def _left(self, boxes: Sequence[Box], taken: Sequence[Box]) -> list[Box]:
        left = [*boxes]
        for cut in taken:
            self._work.spend(len(left))
            left = without(left, cut, self._starts.sizes)
        return left

    def _warn(self, rule: Rule, message: str, hint: str) -> None:
        self._findings.warn(steps_of(rule), message, hint)


def steps_of(rule: Rule) -> Steps:
    """The place of a rule in the file."""
    track = (rule.name,) if rule.name else ()
    return ("metrics", rule.metric, "targets", *track, rule.number - 1)


def _meet(one: _Matched, other: _Matched) -> list[bool]:
    return [common(box, its) is not None for box in one.boxes for its in other.boxes]


def _same(one: Target, other: Target) -> bool:
    """Whether both promise the same, so that it is no matter which one wins."""
    mine, its = one.due or Due(), other.due or Due()
    return (
        mine == its
        and (one.expect or Due()) == (other.expect or Due())
        and one.calendar is other.calendar
        and one.closing is other.closing
        and one.is_measured == other.is_measured
    )


def _is_stricter(one: Target, other: Target) -> bool:
    """Whether both count on one calendar, and one is due sooner."""
    mine, its = one.due or Due(), other.due or Due()
    if one.calendar is not other.calendar or mine.within_us is None or its.within_us is None:
        return False
    return mine.within_us < its.within_us
