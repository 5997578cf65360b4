"""Why a timer is as it is: for a support lead in words, for programs as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from sla.domain.calendar.durations import seconds_words
from sla.domain.calendar.hours import Always, zone_of
from sla.domain.calendar.zones import MICROSECOND, instant_text
from sla.domain.explain_days import DaysCounted, days_counted
from sla.domain.facts import MILESTONE_PREFIX
from sla.domain.policy.conditions import Trigger
from sla.domain.policy.policy import CUSTOMER, Policy, holds
from sla.domain.replay.missed_intervals import begun
from sla.domain.replay.segments import segments, used
from sla.domain.values import Assessment, Segment, State, Timer

LONGEST_LIST = 40
"""Stretches listed one by one in text; the JSON has all."""


@dataclass(frozen=True, slots=True)
class TimerExplanation:
    """One timer at one instant, with everything that led there."""

    timer: Timer
    state: State
    policy_version: str
    segments: tuple[Segment, ...]
    used: timedelta
    left: timedelta | None
    would_meet: str
    zone: tzinfo
    days: DaysCounted | None = None  # of a promise in business days
    missed_in_a_row: int = 0  # so many that no further interval begins until it is met, else 0
    hours: str = ""  # whose hours the calendar has, where it depends on the customer

    @property
    def breached_at(self) -> datetime | None:
        """The due instant, when it was missed."""
        return self.timer.due_at if self.state is State.BREACHED else None

    def json(self) -> dict[str, object]:
        """Instants in UTC, durations in seconds."""
        timer = self.timer
        rule = timer.rule
        return {
            "metric": timer.metric,
            "title": timer.title or _words(timer.metric),
            "cycle": timer.cycle,
            "state": self.state.value,
            "started_at": instant_text(timer.started_at),
            "due": _instant(timer.due_at),
            "expect": _instant(timer.expect_at),
            "met_at": _instant(timer.met_at),
            "breached_at": _instant(self.breached_at),
            "cancelled_at": _instant(timer.cancelled_at),
            "paused_since": _instant(timer.paused_since),
            "at_risk": [instant_text(at) for at in timer.at_risk_at],
            "target": timer.target,
            "expectation": timer.expect,
            "calendar": timer.calendar,
            "calendar_of": self.hours,
            "policy_version": self.policy_version,
            "rule": None
            if rule is None
            else {"number": rule.number, "line": rule.line, "list": rule.name},
            "started_by": timer.started_by,
            "business_days": None
            if self.days is None
            else {
                "counted_from": instant_text(self.days.counted_from),
                "first": self.days.first.isoformat(),
                "after": [day.isoformat() for day in self.days.days],
                "put_off_from": _instant(self.days.put_off_from),
            },
            "reason": timer.reason,
            "missed_in_a_row": self.missed_in_a_row,
            "carried_seconds": _seconds(timer.carried),
            "used_seconds": _seconds(self.used),
            "left_seconds": _seconds(self.left),
            "would_have_met_it": self.would_meet,
            "agreed": _agreed(timer),
            "segments": [
                {
                    "from": instant_text(one.from_at),
                    "to": instant_text(one.to_at),
                    "counted": one.is_counted,
                    "why": one.why,
                }
                for one in self.segments
            ],
        }

    def text(self) -> str:
        """A paragraph and a line per stretch, times in the zone of the timer's calendar."""
        timer = self.timer
        cycle = f" (cycle {timer.cycle})" if timer.cycle > 1 else ""
        lines = [f"{timer.title or _words(timer.metric)}{cycle}: {self.headline()}"]
        lines.append(f"  Promise: {self._promise()}")
        lines += [f"  Calendar: {self.hours}."] if self.hours else []
        lines.append(f"  Started {self._local(timer.started_at)}: {_words(timer.started_by)}.")
        lines += [f"  {line}" for line in self.further_text()]
        left = ""
        if self.left is not None and self.state in (State.RUNNING, State.PAUSED):
            left = f", {seconds_words(self.left // MICROSECOND)} left"
        lines.append(f"  Used {seconds_words(self.used // MICROSECOND)}{left}.")
        if self.state in (State.RUNNING, State.PAUSED, State.BREACHED):
            verb = "would have met" if self.state is State.BREACHED else "meets"
            lines.append(f"  What {verb} it: {self.what_meets()}.")
        lines += self._stretches()
        return "\n".join(lines)

    def further_text(self) -> list[str]:
        """How its business days were counted, what was used before a reopening, and that too many
        were missed for another to begin; nothing for most."""
        timer = self.timer
        lines = [] if self.days is None else self.days.lines(timer, self._local)
        if timer.carried:
            used_before = seconds_words(timer.carried // MICROSECOND)
            lines.append(f"It goes on with the time that was left: {used_before} were used before.")
        if self.missed_in_a_row:
            lines.append(
                f"It was missed {self.missed_in_a_row} times in a row: no further one begins until "
                "it is met or started again."
            )
        return lines

    def _stretches(self) -> list[str]:
        """A line per stretch; of a long life the beginning and the end."""
        shown = [self._stretch(one) for one in self.segments]
        left_out = len(shown) - LONGEST_LIST
        if left_out <= 0:
            return shown
        half = LONGEST_LIST // 2
        return [*shown[:half], f"    … {left_out} more …", *shown[-half:]]

    def _stretch(self, one: Segment) -> str:
        mark = one.why if one.is_counted else f"not counted, {why_words(one.why)}"
        length = seconds_words((one.to_at - one.from_at) // MICROSECOND)
        return f"    {self._local(one.from_at)} to {self._local(one.to_at)}: {mark} ({length})"

    def what_meets(self) -> str:
        """What meets it, or would have, and by when where that is known."""
        due = self.timer.due_at
        is_asked = self.state in (State.RUNNING, State.BREACHED) and due is not None
        return f"{self.would_meet}, by {self._local(due)}" if is_asked and due else self.would_meet

    def headline(self) -> str:
        """The state in a sentence, with the instants that belong to it."""
        timer = self.timer
        due = "" if timer.due_at is None else f"due {self._local(timer.due_at)}"
        match self.state:
            case State.RUNNING:
                return f"running, {due or 'nothing is promised, the time is measured'}."
            case State.PAUSED:
                since = (
                    ""
                    if timer.paused_since is None
                    else f" since {self._local(timer.paused_since)}"
                )
                return f"paused{since} ({_words(timer.reason)})" + (f", {due}." if due else ".")
            case State.MET:
                met = "" if timer.met_at is None else f" at {self._local(timer.met_at)}"
                return f"met{met} ({_words(timer.reason)})" + (f", {due}." if due else ".")
            case State.CANCELLED:
                return f"cancelled ({_words(timer.reason)})."
            case State.BREACHED:
                late = "" if timer.met_at is None else f"; done at {self._local(timer.met_at)}"
                return f"BREACHED, was {due}{late}."

    def _promise(self) -> str:
        timer, rule = self.timer, self.timer.rule
        promise = timer.target or "none; measured"
        expect = f", expected: {timer.expect}" if timer.expect else ""
        where = ""
        if rule is not None:
            line = f", line {rule.line}" if rule.line else ""
            within = f" of `{rule.name}`" if rule.name else ""
            where = f" (rule {rule.number}{within}{line}, policy {self.policy_version})"
        agreed = timer.agreed
        if agreed is not None and agreed.reckoned_due_at is not None:
            expect += f", which was due {self._local(agreed.reckoned_due_at)}"
        return f"{promise}{expect}{where}"

    def _local(self, at: datetime) -> str:
        return _local(at, self.zone)


@dataclass(frozen=True, slots=True)
class Explanation:
    """All timers of a ticket, its silences, and what was odd about its facts."""

    assessment: Assessment
    timers: tuple[TimerExplanation, ...]
    policy_version: str
    zone: tzinfo
    matrix: str = ""  # how the desk's matrix gave severity or priority, in words

    def text(self) -> str:
        """What a support lead reads."""
        parts = [one.text() for one in self.timers] or ["No promise runs on this ticket."]
        parts += [self.matrix] if self.matrix else []
        parts += self.silences_text()
        parts += [f"Note: {note}" for note in self.notes_text()]
        return "\n\n".join(parts)

    def silences_text(self) -> list[str]:
        """How far each rule that closes a quiet ticket has come."""
        return [
            f"Closes by itself ({_words(silence.rule)}): {silence.attempts} of "
            f"{silence.attempts_needed} unsuccessful attempts; quiet since "
            f"{_local(silence.heard_at, self.zone)}"
            + (
                f", enough at {_local(silence.quiet_until, self.zone)}."
                if silence.quiet_until is not None
                else "."
            )
            for silence in self.assessment.silences
        ]

    def notes_text(self) -> list[str]:
        """What was odd about facts, and what was done with them."""
        return [
            f"{_words(note.fact)}{f' ({note.sequence})' if note.sequence else ''} {note.rule}."
            for note in self.assessment.notes
        ]

    def json(self) -> dict[str, object]:
        """The same for programs."""
        found = self.assessment
        return {
            "policy_version": self.policy_version,
            "attributes": dict(found.attributes),
            "matrix": self.matrix,
            "is_closed": found.is_closed,
            "timers": [one.json() for one in self.timers],
            "silences": [
                {
                    "rule": one.rule,
                    "attempts": one.attempts,
                    "attempts_needed": one.attempts_needed,
                    "heard_at": instant_text(one.heard_at),
                    "quiet_until": _instant(one.quiet_until),
                    "warn_at": _instant(one.warn_at),
                    "elapses_at": _instant(one.elapses_at),
                }
                for one in found.silences
            ],
            "notes": [
                {"sequence": one.sequence, "fact": one.fact, "rule": one.rule}
                for one in found.notes
            ],
        }


def explain(
    assessment: Assessment,
    policy: Policy,
    now: datetime,
    owners: Mapping[tuple[str, int], Policy] | None = None,
) -> Explanation:
    """The reasons behind an assessment, as they stand at `now`.

    `owners` are the policies of cycles, by metric and number, that are not under `policy`: those
    settled before it took the ticket over.
    """
    own = owners or {}
    return Explanation(
        assessment,
        tuple(
            _explained(timer, own.get((timer.metric, timer.cycle), policy), assessment, now)
            for timer in begun(assessment, now)
        ),
        policy.version,
        policy.zone,
        policy.matrix.words(assessment.attributes) if policy.matrix is not None else "",
    )


def _explained(
    timer: Timer, policy: Policy, assessment: Assessment, now: datetime
) -> TimerExplanation:
    attributes, state = assessment.attributes, timer.state_at(now)
    rests = state is State.BREACHED and (timer.metric, timer.cycle) in assessment.rests
    calendar = policy.calendar(timer.calendar)
    is_zoned = calendar is not None and not isinstance(calendar.hours, Always)
    spent = used(timer, now)
    metric = policy.metrics[policy.numbers[timer.metric]]
    return TimerExplanation(
        timer=timer,
        state=state,
        policy_version=policy.version,
        segments=segments(timer, now),
        used=spent,
        left=None if timer.budget is None else max(timer.budget - spent, timedelta()),
        would_meet=_any_of([one for one in metric.meets if holds(one.when, attributes)]),
        zone=zone_of(calendar.hours) if calendar is not None and is_zoned else policy.zone,
        days=None
        if timer.carried
        else days_counted(timer, metric, policy.customers, attributes.get(CUSTOMER)),
        missed_in_a_row=metric.stops_after if rests else 0,
        hours=policy.customers.words(calendar)
        if policy.customers is not None and calendar is not None
        else "",
    )


def _agreed(timer: Timer) -> dict[str, object] | None:
    """The agreement with the customer about the due time, if there is one."""
    agreed = timer.agreed
    if agreed is None:
        return None
    return {
        "by": agreed.by,
        "why": agreed.why,
        "at": instant_text(agreed.at),
        "instead_of": agreed.reckoned_target,
        "instead_of_due": _instant(agreed.reckoned_due_at),
    }


def why_words(why: str) -> str:
    """A stretch's reason for people, names left alone: `paused: waiting on customer by a_b`."""
    reason, by, who = why.partition(" by ")
    return f"{_words(reason)}{by}{who}" if reason.startswith("paused: ") else why


def _any_of(triggers: Sequence[Trigger]) -> str:
    words = [
        _words(one.fact) + "".join(f" ({condition})" for condition in one.where) for one in triggers
    ]
    return ", or ".join(words) or "nothing"


def _words(name: str) -> str:
    return name.replace(MILESTONE_PREFIX, "").replace("_", " ")


def _instant(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at.astimezone(UTC))


def _local(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    seconds = f":{local:%S}" if local.second else ""
    return f"{local:%a %Y-%m-%d %H:%M}{seconds} {local:%Z}"


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()
