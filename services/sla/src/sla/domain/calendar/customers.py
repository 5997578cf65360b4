"""Customers' own hours, and the calendars of a desk that they are part of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sla.domain.calendar.calendar import Calendar, Keeper
from sla.domain.calendar.hours import AllOf, AnyOf, Hours, Weekly

STAND_IN: Hours = Weekly(zone=dt.UTC, week=((),) * 7)
"""Stands, as this very object, for the customer's hours in a calendar that depends on them."""

MOST_COMPILED = 500
"""Customers' calendars that are kept ready for reckoning: each takes about 100 kB."""


def depends_on_customer(hours: Hours) -> bool:
    """Whether the customer's hours are part of these."""
    if isinstance(hours, AnyOf | AllOf):
        return any(depends_on_customer(member) for member in hours.members)
    return hours is STAND_IN


def with_hours(template: Hours, own: Hours) -> Hours:
    """The hours of a template with those of one customer in their place."""
    match template:
        case AnyOf(members):
            return AnyOf(tuple(with_hours(member, own) for member in members))
        case AllOf(members):
            return AllOf(tuple(with_hours(member, own) for member in members))
        case _:
            return own if template is STAND_IN else template


class CustomersHours:
    """The own hours of customers, by their names without case.

    A calendar that depends on the customer has a template, and is itself what holds for customers
    without hours of their own.
    """

    def __init__(self, own: Mapping[str, Hours], otherwise: str) -> None:
        self.otherwise = otherwise  # the name of the calendar of those who have none
        self._own = {name.casefold(): (name, hours) for name, hours in own.items()}
        self._bound: dict[tuple[str, str], Calendar] = {}
        self._by_name: dict[str, tuple[Calendar, Calendar, str]] = {}
        self._keeper = Keeper(MOST_COMPILED)

    def bound(self, calendar: Calendar, customer: object) -> Calendar:
        """The calendar as it is for a customer; the same one for each question about both."""
        if calendar.template is None or not isinstance(customer, str):
            return calendar
        known = self._own.get(customer.casefold())
        if known is None:
            return calendar
        name, own = known
        found = self._bound.get((calendar.name, name))
        if found is None:
            hours = with_hours(calendar.template, own)
            found = Calendar(f"{calendar.name}: {name}", hours, keeper=self._keeper)
            self._bound[calendar.name, name] = found
            self._by_name[found.name] = found, calendar, name
        return found

    def own(self) -> dict[str, Hours]:
        """The own hours of each customer, by name."""
        return dict(self._own.values())

    def named(self, name: str) -> Calendar | None:
        """The calendar of a customer that was asked for before, by its own name."""
        found = self._by_name.get(name)
        return None if found is None else found[0]

    def words(self, calendar: Calendar) -> str:
        """Whose hours a calendar is made with; empty where it depends on no customer."""
        found = self._by_name.get(calendar.name)
        if found is not None:
            return f"{found[1].name}, with {found[2]}'s own hours"
        if calendar.template is None:
            return ""
        return f"{calendar.name}, with {self.otherwise} in place of the customer's own hours"
