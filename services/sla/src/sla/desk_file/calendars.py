"""The calendars of a desk's file, by name, each compiled when first asked for."""

from __future__ import annotations

from datetime import UTC, datetime

from pledge.runtime.config.error_messages import suggest
from pledge.runtime.desk_file.yaml_file import Steps
from sla.desk_file.hours_parser import ROUND_THE_CLOCK, Report, read_hours
from sla.desk_file.model import PolicyFile
from sla.domain.calendar.calendar import ALWAYS, Calendar, NeverOpens
from sla.domain.calendar.hours import Hours

_SINCE = datetime(2020, 1, 1, tzinfo=UTC)


class Calendars:
    """Reads calendars and those that they are made of; `found` are the good ones."""

    def __init__(self, file: PolicyFile, fail: Report) -> None:
        self._file, self._fail = file, fail
        self.found: dict[str, Calendar] = {"always": ALWAYS, "24x7": ALWAYS}
        self._reading: list[str] = []

    def read_all(self) -> None:
        """Compile every calendar of the file, used or not."""
        for name in self._file.calendars:
            self.named(name, ("calendars", name))

    def named(self, name: str, steps: Steps) -> Calendar | None:
        """The calendar that is called `name` at `steps`; None after reporting what is wrong."""
        if name in self.found:
            return self.found[name]
        if name not in self._file.calendars:
            known = [*self._file.calendars, "always"]
            self._fail(steps, f"there is no calendar `{name}`", suggest(name, known))
            return None
        if name in self._reading:
            self._fail(
                steps, f"the calendar `{name}` is made of itself", "remove it from its own members"
            )
            return None
        self._reading.append(name)
        hours = self._hours(name)
        self._reading.pop()
        if hours is None:
            return None
        calendar = Calendar(name, hours)
        try:
            calendar.next_open(self._file.effective_from or _SINCE)
        except NeverOpens as error:
            self._fail(("calendars", name), f"the calendar never opens: {error}", "give it hours")
        self.found[name] = calendar
        return calendar

    def _hours(self, name: str) -> Hours | None:
        def named(other: str, steps: Steps) -> Hours | None:
            found = self.named(other, ("calendars", name, *steps))
            return None if found is None else found.hours

        def report(steps: Steps, message: str, hint: str | None) -> None:
            self._fail(("calendars", name, *steps), message, hint)

        if name in ROUND_THE_CLOCK:
            self._fail(("calendars", name), f"`{name}` is always round the clock", "rename it")
        return read_hours(self._file.calendars[name], report, named)
