"""Reports: what is known of tickets and broken promises, and the rules that open incidents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from status.domain.components import ComponentStatus
from status.domain.decisions import Open, impact_of
from status.domain.identifiers import derived_uuid
from status.domain.incidents import Impact, Incident, IncidentStatus


class Trigger(StrEnum):
    """What opens an incident, as the desk's file names it."""

    CONFIRMED = "ticket_confirmed"
    LINKED = "ticket_linked"
    BROKEN = "promise_broken"


@dataclass(frozen=True, slots=True)
class Opened:
    """The ticket was opened; its severity and product hold until triage."""

    severity: str | None
    product: str | None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Somebody triaged the ticket; `is_known` when the provider confirms a known incident."""

    severity: str | None
    is_known: bool
    product: str | None = None


@dataclass(frozen=True, slots=True)
class Linked:
    """Somebody linked the ticket to an incident, which may not be on the page yet."""

    incident: UUID


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise on the ticket was broken. `breach` distinguishes it from others of its metric.

    One that is provisional may be disproved by facts that were not read yet: nothing is public for
    it.
    """

    metric: str
    severity: str | None
    breach: UUID
    is_provisional: bool = False


@dataclass(frozen=True, slots=True)
class Retracted:
    """The promise of that breach was kept after all."""

    metric: str
    breach: UUID


FactDetail = Opened | Confirmed | Linked | Broken | Retracted


@dataclass(frozen=True, slots=True)
class Fact:
    """One event about a ticket. `sequence` counts within `topic` and ticket."""

    ticket_id: UUID
    desk: str
    number: str
    topic: str
    sequence: int
    occurred_at: datetime
    detail: FactDetail


@dataclass(frozen=True, slots=True)
class Report:
    """What the page knows of one ticket; none of it is public.

    `last_sequences` is the last sequence applied from each topic. The events of two topics arrive
    in any order, hence all of them are kept and the rules look at the whole. `broken` names each
    broken promise: its metric, a space, and its breach. `withdrawals` counts the incidents that
    were opened for the ticket and withdrawn.
    """

    ticket_id: UUID
    desk: str
    number: str
    severity: str | None = None
    product: str | None = None
    is_confirmed: bool = False
    known_incident: UUID | None = None
    broken: frozenset[str] = frozenset()
    incident: UUID | None = None
    withdrawals: int = 0
    last_sequences: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """When an incident opens without a person, and its text. Empty sets mean any.

    With `only_confirmed` a broken promise counts for a ticket that was confirmed only.
    """

    key: str
    triggers: frozenset[Trigger]
    severities: frozenset[str]
    products: frozenset[str]
    metrics: frozenset[str]
    only_confirmed: bool
    name: str
    body: str
    status: IncidentStatus = IncidentStatus.INVESTIGATING
    impact: Impact | None = None
    statuses: Mapping[str, ComponentStatus] = field(default_factory=dict)
    withdrawn: str = ""  # what is said when the breach that opened it was taken back


@dataclass(frozen=True, slots=True)
class Join:
    """The ticket belongs to an incident that is open already."""

    incident: UUID


Placement = Join | Open


def update_report(report: Report | None, fact: Fact) -> Report:
    """`report` after `fact`. A repeated fact changes nothing."""
    if report is None:
        report = Report(fact.ticket_id, fact.desk, fact.number)
    if fact.sequence <= report.last_sequences.get(fact.topic, 0):
        return report
    report = replace(report, last_sequences={**report.last_sequences, fact.topic: fact.sequence})
    detail = fact.detail
    if isinstance(detail, Opened):
        return replace(report, severity=detail.severity, product=detail.product)
    if isinstance(detail, Confirmed):
        product = detail.product or report.product
        return replace(
            report, severity=detail.severity, product=product, is_confirmed=detail.is_known
        )
    if isinstance(detail, Linked):
        return replace(report, known_incident=detail.incident)
    if isinstance(detail, Broken):
        severity = report.severity or detail.severity
        broken = report.broken if detail.is_provisional else report.broken | {breach_key(detail)}
        return replace(report, severity=severity, broken=broken)
    # Reports of an earlier version name the metric alone.
    return replace(report, broken=report.broken - {breach_key(detail), detail.metric})


def breach_key(detail: Broken | Retracted) -> str:
    """How `Report.broken` names the breach."""
    return f"{detail.metric} {detail.breach}"


def place(
    report: Report, rules: Sequence[Rule], incidents: Sequence[Incident], began_at: datetime
) -> Placement | None:
    """The incident that `report` belongs to, or the one to open for it; None if no rule applies.

    `incidents` are the desk's open ones, and those that tickets were linked to. `began_at` is when
    the trouble was confirmed. A ticket belongs to one incident for good, unless it is linked
    to another that exists.
    """
    linked = _linked(report, incidents)
    if linked is not None:
        return None if linked == report.incident else Join(linked)
    if report.incident is not None:
        return None
    rule = next((rule for rule in rules if applies(rule, report)), None)
    if rule is None:
        return None
    opening = _opening(rule, report, began_at)
    for incident in incidents:
        if incident.is_open and (incident.origin == opening.origin or _covers(incident, opening)):
            return Join(incident.uid)
    return opening


def applies(rule: Rule, report: Report) -> bool:
    """Whether what is known of the ticket fulfils `rule`."""
    if rule.severities and report.severity not in rule.severities:
        return False
    if rule.products and report.product not in rule.products:
        return False
    return any(_is_met(trigger, rule, report) for trigger in rule.triggers)


def _is_met(trigger: Trigger, rule: Rule, report: Report) -> bool:
    if trigger is Trigger.CONFIRMED:
        return report.is_confirmed
    if trigger is Trigger.LINKED:
        return report.known_incident is not None
    counts = report.is_confirmed or not rule.only_confirmed
    metrics = {promise.partition(" ")[0] for promise in report.broken}
    return counts and bool(metrics & rule.metrics if rule.metrics else metrics)


def _linked(report: Report, incidents: Sequence[Incident]) -> UUID | None:
    """The incident that the ticket is linked to, if it is on the page."""
    return next((one.uid for one in incidents if one.uid == report.known_incident), None)


def _origin(rule: Rule, report: Report) -> str:
    """Tickets of one origin share an incident: the rule's, or the known incident's they name."""
    if report.known_incident is not None:
        return f"known:{report.known_incident}"
    return f"rule:{rule.key}"


def _covers(incident: Incident, opening: Open) -> bool:
    """Whether an incident on the page says it already: the same component, at least as bad.

    What a ticket was linked to is an incident of its own.
    """
    if incident.is_maintenance or opening.origin != opening.by:
        return False
    is_as_bad = incident.impact.rank >= impact_of(opening).rank
    return is_as_bad and not incident.claims.keys().isdisjoint(opening.statuses)


def _opening(rule: Rule, report: Report, began_at: datetime) -> Open:
    origin = _origin(rule, report)
    return Open(
        uid=own_incident(report, origin),
        desk=report.desk,
        name=rule.name,
        body=rule.body,
        by=f"rule:{rule.key}",
        status=rule.status,
        impact=rule.impact,
        statuses=dict(rule.statuses),
        started_at=began_at,
        origin=origin,
        severity=report.severity,
    )


def own_incident(report: Report, origin: str | None) -> UUID:
    """The id of the incident that is opened for this ticket.

    The ticket is part of it: the same rule opens another incident next month. So does the ticket
    itself, once an incident of it was withdrawn.
    """
    again = [str(report.withdrawals)] if report.withdrawals else []
    return derived_uuid("incident", report.desk, origin or "", str(report.ticket_id), *again)


def concerns(rules: Sequence[Rule], detail: FactDetail) -> bool:
    """Whether `detail` can ever matter to `rules`: what cannot is not kept.

    The severity and product that a ticket was opened with matter only where a rule names them
    and no later event repeats them.
    """
    if not isinstance(detail, Opened):
        return bool(rules) or isinstance(detail, Linked)
    return any(
        (rule.severities and Trigger.LINKED in rule.triggers) or rule.products for rule in rules
    )
