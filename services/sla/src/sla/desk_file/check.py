"""What is wrong in a desk's `sla.yaml` though it makes a policy: found when a file is checked or
put in force. A policy that the database keeps is compiled without these checks: it must stay
readable when they become stricter."""

from __future__ import annotations

from collections.abc import Set

from pledge.runtime.desk_file.yaml_file import Steps
from sla.desk_file.beginnings import Beginnings, targets_of
from sla.desk_file.business_day_checks import check_business_days
from sla.desk_file.calendar_traps import check_calendars, check_days
from sla.desk_file.conditions import Conditions
from sla.desk_file.customers import check_customers
from sla.desk_file.fact_fields import Noun
from sla.desk_file.findings import Findings
from sla.desk_file.model import MetricPart, PolicyFile, SeverityPart, TargetPart, TriggerModel
from sla.desk_file.rules import check_rules, steps_of
from sla.domain.policy.policy import Policy

EITHER = frozenset(Noun)


def check_file(file: PolicyFile, policy: Policy | None, findings: Findings) -> None:
    """Report everything; without a policy what the file's shape alone shows."""
    conditions = Conditions(file, findings)
    beginnings = Beginnings(file, findings)
    for name, part in file.metrics.items():
        beginnings.metric(name)
        _check_conditions(name, part, beginnings.nouns(part.starts), conditions)
    for name in file.silences:
        beginnings.silence(name)
    _check_flags_and_silences(file, conditions)
    for name, objective in file.objectives.items():
        metric = file.metrics.get(objective.metric)
        counted = beginnings.nouns(metric.starts) if metric is not None else set()
        conditions.attributes(objective.when, counted or EITHER, ("objectives", name, "when"))
    for name, value in file.defaults.items():
        conditions.default(name, value, ("defaults", name))
    if file.severity is not None:
        _check_severity(file.severity, conditions)
    check_calendars(file, findings)
    if policy is not None:
        check_customers(file, policy, findings)
    if policy is not None:
        nouns = {name: beginnings.nouns(part.starts) for name, part in file.metrics.items()}
        check_rules(file, policy, nouns, findings)
        _check_business_days(file, policy, findings)
        check_days(file, policy, findings)


def _check_conditions(
    name: str, part: MetricPart, nouns: set[Noun], conditions: Conditions
) -> None:
    """Those of a metric's triggers, rules and choices of calendars."""
    steps: Steps = ("metrics", name)
    for key in ("starts", "meets", "cancels"):
        for index, trigger in enumerate(getattr(part, key)):
            conditions.trigger(trigger, (*steps, key, index))
    for index, pause in enumerate(part.pauses):
        conditions.trigger(pause.on, (*steps, "pauses", index, "on"))
        for number, trigger in enumerate(pause.until):
            conditions.trigger(trigger, (*steps, "pauses", index, "until", number))
    about = nouns or EITHER  # nothing that it names may be known
    _check_choices(part, steps, about, conditions)
    for target, at in targets_of(part, steps):
        conditions.attributes(target.when, about, (*at, "when"))
        _check_choices(target, at, about, conditions)


def _check_choices(
    part: MetricPart | TargetPart, steps: Steps, nouns: Set[Noun], conditions: Conditions
) -> None:
    for key, choice in (("calendar", part.calendar), ("closing", part.closing)):
        for index, case in enumerate(choice if isinstance(choice, list) else ()):
            conditions.attributes(case.when, nouns, (*steps, key, index, "when"))


def _check_severity(part: SeverityPart, conditions: Conditions) -> None:
    for index, floor in enumerate(part.floors):
        conditions.attributes(floor.when, EITHER, ("severity", "floors", index, "when"))
    for index, ceiling in enumerate(part.ceilings):
        conditions.attributes(ceiling.when, EITHER, ("severity", "ceilings", index, "when"))
    for index, case in enumerate(part.default if isinstance(part.default, list) else ()):
        conditions.attributes(case.when, EITHER, ("severity", "default", index, "when"))


def _check_flags_and_silences(file: PolicyFile, conditions: Conditions) -> None:
    """Neither can ask for what the ticket is when a fact happens."""
    lists: list[tuple[Steps, list[TriggerModel]]] = []
    for name, flag in file.flags.items():
        lists += [(("flags", name, "on"), flag.on), (("flags", name, "off"), flag.off)]
    for name, silence in file.silences.items():
        conditions.attributes(silence.when, {Noun.TICKET}, ("silences", name, "when"))
        lists += [
            (("silences", name, "attempt"), silence.attempt),
            (("silences", name, "heard"), silence.heard),
        ]
    for steps, triggers in lists:
        for index, trigger in enumerate(triggers):
            conditions.trigger(trigger, (*steps, index), may_ask_ticket=False)


def _check_business_days(file: PolicyFile, policy: Policy, findings: Findings) -> None:
    for metric in policy.metrics:
        part = file.metrics[metric.name]
        parts = {at: target for target, at in targets_of(part, ("metrics", metric.name))}
        for target in (one for track in metric.tracks for one in track):
            steps = steps_of(target.rule)
            asked = parts[steps]
            choice = part.calendar if asked.calendar is None else asked.calendar
            is_chosen = isinstance(choice, list) and len(choice) > 1
            check_business_days(target, asked, steps, findings.report, is_chosen=is_chosen)
