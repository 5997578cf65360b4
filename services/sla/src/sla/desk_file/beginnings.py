"""Whether what a metric names can happen to what it is about: can it begin, and be met?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pledge.runtime.config.error_messages import suggest
from pledge.runtime.desk_file.yaml_file import Steps
from sla.desk_file.due import FIELD_GIVEN
from sla.desk_file.fact_fields import DeskFacts, Kind, Noun
from sla.desk_file.findings import Findings
from sla.desk_file.hours_parser import ROUND_THE_CLOCK
from sla.desk_file.model import MetricPart, PolicyFile, TargetPart, TriggerModel
from sla.domain.facts import CLOSINGS
from sla.domain.policy.rules import Repeats

_OF_EVERY_FACT = ("occurred_at", "recorded_at")
Place = tuple[TriggerModel, Steps]


class Beginnings:
    """Checks the facts that the metrics and silences of one file name."""

    def __init__(self, file: PolicyFile, findings: Findings) -> None:
        self._file, self._findings = file, findings
        self._facts = DeskFacts(file.milestones)

    def nouns(self, triggers: Iterable[TriggerModel]) -> set[Noun]:
        """What these facts are about."""
        found = (self._facts.noun(one.fact) for one in triggers)
        return {noun for noun in found if noun is not None}

    def metric(self, name: str) -> None:
        """Report what keeps a metric from beginning or from being met."""
        part, steps = self._file.metrics[name], ("metrics", name)
        nouns = self.nouns(part.starts)
        for trigger, at in _later_triggers(part, steps):
            self._about(trigger, at, nouns)
        if len(nouns) > 1:
            self._each_is_met(part, steps)
        for trigger, at in _each(part.starts, (*steps, "starts")):
            if trigger.fact in CLOSINGS and not part.outlives_closing:
                message = f"`{trigger.fact}` ends all promises: what it starts is over at once"
                hint = "write `outlives_closing: true` in this metric"
                self._findings.report(at, message, hint)
        self._after(name)
        for target, at in targets_of(part, steps):
            self._given(part, target, at)
            if target.outside in ROUND_THE_CLOCK:
                hint = "name the calendar outside whose hours this rule holds"
                message = f"`{target.outside}` is never closed"
                self._findings.report((*at, "outside"), message, hint)

    def silence(self, name: str) -> None:
        """Report facts that happen to no ticket: only tickets are closed when they are quiet."""
        part = self._file.silences[name]
        for key, triggers in (("attempt", part.attempt), ("heard", part.heard)):
            for trigger, at in _each(triggers, ("silences", name, key)):
                self._about(trigger, at, {Noun.TICKET})

    def _about(self, trigger: TriggerModel, steps: Steps, nouns: set[Noun]) -> None:
        other = self._facts.noun(trigger.fact)
        if not nouns or other is None or other in nouns:
            return
        (noun,) = nouns
        hint = f"name a fact of {noun}s, or make the {other}'s a metric of its own"
        message = f"`{trigger.fact}` happens to {other}s, and this is about {noun}s"
        is_mapping = (*steps, "fact") in self._findings.document.values
        self._findings.report((*steps, "fact") if is_mapping else steps, message, hint)

    def _each_is_met(self, part: MetricPart, steps: Steps) -> None:
        """Of a metric of tickets and of incidents: each kind needs what meets it."""
        met = self.nouns(part.meets)
        for trigger, at in _each(part.starts, (*steps, "starts")):
            noun = self._facts.noun(trigger.fact)
            if noun is not None and noun not in met:
                hint = f"name a fact of {noun}s in `meets`, or make this a metric of its own"
                message = f"no fact in `meets` happens to {noun}s: it is never met"
                self._findings.report(at, message, hint)

    def _after(self, name: str) -> None:
        metrics, at = self._file.metrics, ("metrics", name, "after")
        first = metrics[name].after
        if first is None or first not in metrics:
            return
        chain, following = [name], metrics[name].after
        while following is not None and following in metrics and following not in chain:
            chain.append(following)
            following = metrics[following].after
        if following == name:
            words = " after ".join(f"`{one}`" for one in (*chain, name))
            hint = "let one of them begin by itself"
            self._findings.report(at, f"never begins: {words}", hint)
        mine, its = self.nouns(metrics[name].starts), self.nouns(metrics[first].starts)
        if mine and its and not mine & its:
            (noun,) = its
            message = f"never begins: `{first}` is about {noun}s"
            self._findings.report(at, message, "name another metric")

    def _given(self, part: MetricPart, target: TargetPart, at: Steps) -> None:
        """`by: time given in …` needs an instant in what starts the metric, or starts it again."""
        starts = [*part.starts, *(part.meets if part.repeats is Repeats.ON_MEET else ())]
        fields = {
            name: kind for each in starts for name, kind in self._facts.fields(each.fact).items()
        }
        instants = sorted(
            name
            for name, one in fields.items()
            if one.kind is Kind.INSTANT and name not in _OF_EVERY_FACT
        )
        for key, text in (("by", target.by), ("expect", target.expect)):
            match = FIELD_GIVEN.fullmatch(text) if text is not None else None
            if match is not None and fields and match[1] not in instants:
                message = f"no fact that starts it gives a time `{match[1]}`"
                self._findings.report((*at, key), message, suggest(match[1], instants))


def targets_of(part: MetricPart, steps: Steps) -> Iterator[tuple[TargetPart, Steps]]:
    """The rules of a metric, each with its place."""
    lists = part.targets if isinstance(part.targets, dict) else {"": part.targets}
    for track, targets in lists.items():
        for index, target in enumerate(targets):
            yield target, (*steps, "targets", *((track,) if track else ()), index)


def _each(triggers: Sequence[TriggerModel], steps: Steps) -> Iterator[Place]:
    for index, trigger in enumerate(triggers):
        yield trigger, (*steps, index)


def _later_triggers(part: MetricPart, steps: Steps) -> Iterator[Place]:
    yield from _each(part.meets, (*steps, "meets"))
    yield from _each(part.cancels, (*steps, "cancels"))
    for index, pause in enumerate(part.pauses):
        yield pause.on, (*steps, "pauses", index, "on")
        yield from _each(pause.until, (*steps, "pauses", index, "until"))
