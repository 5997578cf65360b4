"""A breach that was taken back: what becomes of the incident that it opened."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from status.domain.decisions import PostUpdate
from status.domain.incidents import Incident, IncidentStatus
from status.domain.reports import Fact, Report, Retracted, Rule, applies, breach_key, own_incident

BY = "system:retraction"
"""The author of the update that ends a disproved incident."""

MESSAGE = "This was opened by mistake: a report turned out to be wrong. No service was affected."


class Verdict(StrEnum):
    """What a retraction means for an incident."""

    WITHDRAWN = "withdrawn"  # nobody touched it: it ends by itself
    DISPROVED = "disproved"  # people have written on it: they decide


def verdict(
    before: Report,
    after: Report,
    fact: Fact,
    rules: Sequence[Rule],
    incident: Incident | None,
    *,
    is_shared: bool,
) -> Verdict | None:
    """Whether the retraction takes away what `incident` was opened for. None: it stands.

    It stands while another rule, or another breach of its ticket, asks for it, and where other
    tickets belong to it (`is_shared`): they did by what is known of them.
    """
    if not isinstance(fact.detail, Retracted) or incident is None or not incident.is_open:
        return None
    if breach_key(fact.detail) not in before.broken or is_shared:
        return None
    if incident.uid != own_incident(after, incident.origin):
        return None  # it was opened for another ticket, or by a person
    if any(applies(rule, after) for rule in rules):
        return None
    is_untouched = len(incident.updates) == 1
    return Verdict.WITHDRAWN if is_untouched else Verdict.DISPROVED


def withdrawal(incident: Incident, rules: Sequence[Rule]) -> PostUpdate:
    """The update that ends it, in the words of the rule that opened it."""
    key = incident.updates[-1].by.removeprefix("rule:")
    message = next((rule.withdrawn for rule in rules if rule.key == key), MESSAGE)
    return PostUpdate(body=message, by=BY, status=IncidentStatus.RESOLVED)


def withdrawn(report: Report) -> Report:
    """The report of a ticket whose incident was withdrawn: a later breach opens another one."""
    return replace(report, incident=None, withdrawals=report.withdrawals + 1)
