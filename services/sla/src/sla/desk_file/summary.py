"""What sla.yaml says that the desk's other files may contradict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pledge.runtime.desk_file.summary import (
    Cadence,
    DeskFileSummary,
    Kind,
    Mention,
    Reference,
    mention,
    mentions,
    stated,
)
from pledge.runtime.desk_file.yaml_file import Document, Steps
from sla.desk_file.matrix import matrix_summary
from sla.desk_file.model import PolicyFile
from sla.domain.policy.policy import Policy
from sla.domain.policy.rules import Metric, Repeats, Target

PAGE_UPDATED = "incident_updated"
_KINDS = {
    "severity": Kind.SEVERITY,
    "requested_severity": Kind.SEVERITY,
    "priority": Kind.PRIORITY,
    "plan": Kind.PLAN,
    "line": Kind.LINE,
}


def summary_of(document: Document, file: PolicyFile, policy: Policy) -> DeskFileSummary:
    """The severities, metrics and cadences of the file, and the names of intake.yaml it uses."""
    severity = file.severity
    return DeskFileSummary(
        file=document.file,
        zone=stated(document, "timezone"),
        severities=None
        if severity is None
        else tuple(mentions(document, ("severity", "levels"), severity.levels)),
        defines={
            Kind.METRIC: tuple(file.metrics),
            Kind.REVISABLE: tuple(name for name, one in file.metrics.items() if one.revisable),
        },
        refers=(
            *_conditions(document, document.data, ()),
            *_defaults(document, file),
            *_milestones(document, file),
            *_teams(document, file),
            *_customers(document, file),
        ),
        matrix=matrix_summary(document, file.matrix),
        timed_cadences=tuple(
            cadence
            for metric in policy.metrics
            if _times_the_page(metric)
            for cadence in _cadences(document, metric)
        ),
    )


def _times_the_page(metric: Metric) -> bool:
    starts = (trigger.fact for trigger in metric.starts)
    is_started = any(fact.startswith("incident_") for fact in starts)
    return is_started and PAGE_UPDATED in {trigger.fact for trigger in metric.meets}


def _cadences(document: Document, metric: Metric) -> Iterator[Cadence]:
    for target in (target for track in metric.tracks for target in track):
        if target.due is not None:
            yield _cadence(document, metric, target)


def _cadence(document: Document, metric: Metric, target: Target) -> Cadence:
    track = (target.rule.name,) if target.rule.name else ()
    steps: Steps = ("metrics", metric.name, "targets", *track, target.rule.number - 1)
    due = target.due
    within = due.within if due else None
    is_within = within or (due is not None and due.by is not None and due.by.is_same_time)
    key = "within" if is_within else "by"
    said = stated(document, *steps, key)
    return Cadence(
        said or mention(document, steps, key),
        within,
        None if target.calendar.is_always or not within else target.calendar.name,
        is_repeated=metric.repeats is Repeats.ON_MEET,
    )


def _customers(document: Document, file: PolicyFile) -> Iterator[Reference]:
    """The customers with hours of their own."""
    for name in file.customers.calendars if file.customers is not None else ():
        at = document.where_key(("customers", "calendars", name))
        yield Reference(Kind.CUSTOMER, Mention(name, document.file, *at))


def _defaults(document: Document, file: PolicyFile) -> Iterator[Reference]:
    for name, value in file.defaults.items():
        if name in _KINDS and isinstance(value, str):
            yield Reference(_KINDS[name], mention(document, ("defaults", name), value))


def _teams(document: Document, file: PolicyFile) -> Iterator[Reference]:
    for name, metric in file.metrics.items():
        if metric.team is not None:
            steps: Steps = ("metrics", name, "team")
            yield Reference(Kind.TEAM, mention(document, steps, metric.team))


def _milestones(document: Document, file: PolicyFile) -> Iterator[Reference]:
    for one in mentions(document, ("milestones",), file.milestones):
        yield Reference(Kind.MILESTONE, one)


def _conditions(document: Document, node: Any, steps: Steps) -> Iterator[Reference]:
    """The names that conditions anywhere in the file ask for."""
    if isinstance(node, list):
        for index, one in enumerate(node):
            yield from _conditions(document, one, (*steps, index))
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        at = (*steps, key)
        if key in ("when", "where") and isinstance(value, dict):
            for name in value.keys() & _KINDS.keys():
                yield from _tested(document, _KINDS[name], value[name], (*at, name))
        else:
            yield from _conditions(document, value, at)


def _tested(document: Document, kind: Kind, test: Any, steps: Steps) -> Iterator[Reference]:
    """The names in a condition's test: `p1`, `[p1, p2]` or `{not: p3}`."""
    if isinstance(test, dict):
        yield from _tested(document, kind, test.get("not"), (*steps, "not"))
    elif isinstance(test, list):
        for index, one in enumerate(test):
            yield from _tested(document, kind, one, (*steps, index))
    elif isinstance(test, str) and "*" not in test and not test.startswith("+"):
        # A line that the desk does not name is called by its number, which begins with a plus.
        yield Reference(kind, mention(document, steps, test))
