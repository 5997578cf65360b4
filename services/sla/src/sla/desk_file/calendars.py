"""The calendars of a desk's file, by name, each compiled when first asked for."""

from __future__ import annotations

from datetime import UTC, datetime

from pledge.runtime.config.error_messages import suggest
from pledge.runtime.desk_file.yaml_file import Steps
from sla.desk_file.calendar_data import CalendarSource
from sla.desk_file.customers import CUSTOMER, names_of, own_hours
from sla.desk_file.hours_parser import ROUND_THE_CLOCK, Report, read_hours
from sla.desk_file.model import PolicyFile
from sla.domain.calendar.calendar import ALWAYS, Calendar, NeverOpens
from sla.domain.calendar.customers import (
    STAND_IN,
    CustomersHours,
    depends_on_customer,
    with_hours,
)
from sla.domain.calendar.hours import Hours

_SINCE = datetime(2020, 1, 1, tzinfo=UTC)


class Calendars:
    """Reads calendars and those that they are made of; `found` are the good ones.

    `is_whole` is False once one that is named could not be read.
    """

    def __init__(self, file: PolicyFile, fail: Report, source: CalendarSource) -> None:
        self._file, self._fail, self._source = file, fail, source
        self.is_whole = True
        self.found: dict[str, Calendar] = {"always": ALWAYS, "24x7": ALWAYS}
        self._reading: list[str] = []
        self.customers: CustomersHours | None = None
        """Customers' own hours, once all is read."""

    def read_all(self) -> None:
        """Compile every calendar of the file, used or not, and customers' own."""
        for name in self._file.calendars:
            self.named(name, ("calendars", name))
        part = self._file.customers
        if part is not None:
            self.named(CUSTOMER, ("customers",))
            own = own_hours(part, self._hours_of_desk, self._fail, self._source)
            self.is_whole = self.is_whole and len(own) == len(part.calendars)
            self.customers = CustomersHours(own, part.otherwise)
            for name, hours in names_of(self.customers).items():
                self.found[name] = Calendar(name, hours)

    def _hours_of_desk(self, name: str, steps: Steps) -> Hours | None:
        """The hours of a calendar that depends on no customer."""
        found = self.named(name, steps)
        if found is not None and found.template is not None:
            message = f"the calendar `{name}` depends on the customer itself"
            self._fail(steps, message, "name one that does not")
            return None
        return None if found is None else found.hours

    def _of_customer(self) -> Calendar | None:
        """`customer`: as it is for those without hours of their own."""
        part = self._file.customers
        if part is None:
            return None
        if CUSTOMER in self._file.calendars:
            message = f"`{CUSTOMER}` is the calendar of the ticket's customer"
            self._fail(("calendars", CUSTOMER), message, "rename it")
        self._reading.append(CUSTOMER)
        hours = self._hours_of_desk(part.otherwise, ("customers", "otherwise"))
        self._reading.pop()
        return None if hours is None else Calendar(CUSTOMER, hours, template=STAND_IN)

    def named(self, name: str, steps: Steps) -> Calendar | None:
        """The calendar that is called `name` at `steps`; None after reporting what is wrong."""
        if name in self.found:
            return self.found[name]
        found = self._read(name, steps)
        self.is_whole = self.is_whole and found is not None
        return found

    def _read(self, name: str, steps: Steps) -> Calendar | None:
        if name not in self._file.calendars and not self._is_of_customer(name):
            known = [*self._file.calendars, "always"]
            self._fail(steps, f"there is no calendar `{name}`", suggest(name, known))
            return None
        if name in self._reading:
            self._fail(
                steps, f"the calendar `{name}` is made of itself", "remove it from its own members"
            )
            return None
        calendar = self._of_customer() if self._is_of_customer(name) else self._of_desk(name)
        if calendar is None:
            return None
        try:
            calendar.next_open(self._file.effective_from or _SINCE)
        except NeverOpens as error:
            self._fail(("calendars", name), f"the calendar never opens: {error}", "give it hours")
        self.found[name] = calendar
        return calendar

    def _is_of_customer(self, name: str) -> bool:
        return name == CUSTOMER and self._file.customers is not None

    def _of_desk(self, name: str) -> Calendar | None:
        self._reading.append(name)
        hours = self._hours(name)
        self._reading.pop()
        if hours is None or not depends_on_customer(hours):
            return None if hours is None else Calendar(name, hours)
        otherwise = self.named(CUSTOMER, ("customers",))
        if otherwise is None:
            return None
        return Calendar(name, with_hours(hours, otherwise.hours), template=hours)

    def _hours(self, name: str) -> Hours | None:
        def named(other: str, steps: Steps) -> Hours | None:
            found = self.named(other, ("calendars", name, *steps))
            return None if found is None else found.template or found.hours

        def report(steps: Steps, message: str, hint: str | None) -> None:
            self._fail(("calendars", name, *steps), message, hint)

        if name in ROUND_THE_CLOCK:
            self._fail(("calendars", name), f"`{name}` is always round the clock", "rename it")
        return read_hours(self._file.calendars[name], report, named, source=self._source)
