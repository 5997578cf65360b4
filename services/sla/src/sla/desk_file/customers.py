"""Customers' own hours in `sla.yaml`, and whether they leave any time to count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from pledge.runtime.desk_file.yaml_file import Steps
from sla.desk_file.calendar_data import CalendarSource
from sla.desk_file.findings import Findings
from sla.desk_file.hours_parser import Report, read_hours
from sla.desk_file.model import CustomersPart, PolicyFile
from sla.domain.calendar.customers import CustomersHours, with_hours
from sla.domain.calendar.hours import Hours, open_intervals
from sla.domain.calendar.zones import MICROSECOND, to_us
from sla.domain.policy.policy import Policy

CUSTOMER = "customer"
"""The calendar that stands for the hours of a ticket's customer."""

_LOOKED_AT = (timedelta(weeks=1) // MICROSECOND, timedelta(weeks=8) // MICROSECOND)
_SINCE = datetime(2026, 1, 1, tzinfo=UTC)

Named = Callable[[str, Steps], Hours | None]


def own_hours(
    part: CustomersPart, named: Named, fail: Report, source: CalendarSource
) -> dict[str, Hours]:
    """The hours of each customer, by name; problems are reported. `named` gives the hours of the
    file's calendars, `source` zones and holidays."""
    found: dict[str, Hours] = {}
    seen: dict[str, str] = {}
    for name, data in part.calendars.items():
        steps: Steps = ("customers", "calendars", name)
        if (other := seen.setdefault(name.casefold(), name)) != name:
            fail(steps, f"`{name}` is there twice, as `{other}`", "case does not count: keep one")
        report, others = _report_at(steps, fail), _named_at(steps, named)
        hours = read_hours(data, report, others, source=source)
        if hours is not None:
            found[name] = hours
    return found


def _report_at(at: Steps, fail: Report) -> Report:
    def report(steps: Steps, message: str, hint: str | None) -> None:
        fail((*at, *steps), message, hint)

    return report


def _named_at(at: Steps, named: Named) -> Named:
    return lambda name, steps: named(name, (*at, *steps))


def check_customers(file: PolicyFile, policy: Policy, findings: Findings) -> None:
    """Warn of hours that are never open, alone or together with the desk's, and of silences that
    would count on them."""
    if policy.customers is None or file.customers is None:
        return
    templates = [each for each in policy.calendars.values() if each.template is not None]
    start = to_us(file.effective_from or _SINCE)
    for name, own in policy.customers.own().items():
        steps: Steps = ("customers", "calendars", name)
        for calendar in templates:
            if calendar.template is None or _opens(with_hours(calendar.template, own), start):
                continue
            if calendar.name == CUSTOMER:
                findings.warn(steps, f"`{name}` has no open hours", "give it some, or remove it")
                break
            message = f"the calendar `{calendar.name}` is never open for `{name}`"
            findings.warn(steps, message, "nothing counted on it is ever due for this customer")
    for rule in policy.silences:
        if rule.calendar.template is not None:
            hint = "name a calendar of the desk's"
            message = "a silence can't count on the customer's hours"
            findings.report(("silences", rule.name, "calendar"), message, hint)


def _opens(hours: Hours, start: int) -> bool:
    return any(open_intervals(hours, start, start + length) for length in _LOOKED_AT)


def names_of(customers: CustomersHours) -> Mapping[str, Hours]:
    """Each customer's hours under the name that a policy's calendars have for them."""
    return {f"customer: {name}": hours for name, hours in customers.own().items()}
