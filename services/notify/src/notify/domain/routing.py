"""Which event notifies whom, by the desk's routes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Party:
    """A person outside: a requester, a subscriber."""

    name: str | None = None
    email: str | None = None
    zone: str | None = None  # IANA name
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """An event as routes see it.

    `event` is its type without vendor and version: "ticket.opened", "promise.breached".
    """

    event: str
    desk: str
    about: str  # the ticket's or incident's id: what pages and events are keyed by
    occurred_at: datetime
    detected_at: datetime
    number: str | None = None
    title: str = ""
    severity: str | None = None
    priority: str | None = None
    metric: str | None = None
    channel: str | None = None
    contacted_by: tuple[str, ...] = ()  # every channel by which the requester has come
    is_urgent: bool = False
    is_page_held: bool = False  # one of a flood, or of a forged sender: nobody is woken for it
    is_automatic: bool = False  # written by a machine (RFC 3834): never answered
    requester: Party | None = None
    participants: tuple[Party, ...] = ()  # in copy (SIG-03)
    due_at: datetime | None = None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """All that is given must hold; an empty tuple or None allows anything."""

    events: tuple[str, ...]
    severities: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    contacted_by: tuple[str, ...] = ()
    is_urgent: bool | None = None
    is_complete: bool | None = None
    is_entitled: bool | None = None

    def holds(self, notice: Notice) -> bool:
        """Whether the notice fulfils the condition."""
        return (
            notice.event in self.events
            and _allows(self.severities, notice.severity)
            and _allows(self.priorities, notice.priority)
            and _allows(self.metrics, notice.metric)
            and _allows(self.channels, notice.channel)
            and (
                not self.contacted_by or not set(notice.contacted_by).isdisjoint(self.contacted_by)
            )
            and self.is_urgent in (None, notice.is_urgent)
            and self.is_complete in (None, notice.details.get("is_complete"))
            # Who was not refused is entitled: most desks have no rule on it.
            and self.is_entitled in (None, notice.details.get("entitled") is not False)
        )


def _allows(wanted: tuple[str, ...], value: str | None) -> bool:
    return not wanted or value in wanted


@dataclass(frozen=True, slots=True)
class EmailRule:
    """Mail these ("requester", "participants", "person:p", "rotation:r" or an address) with this
    template."""

    to: tuple[str, ...]
    template: str


@dataclass(frozen=True, slots=True)
class ChatRule:
    """Post this template to this receiver."""

    receiver: str
    template: str


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the desk's routing: a condition and what follows."""

    name: str
    when: Condition
    page: str | None = None  # name of an escalation policy
    email: EmailRule | None = None
    chat: ChatRule | None = None


@dataclass(frozen=True, slots=True)
class PageWanted:
    """Raise a page with this escalation policy."""

    route: str
    policy: str


@dataclass(frozen=True, slots=True)
class EmailWanted:
    """Send one mail to one of the rule's addressees."""

    route: str
    to: str
    template: str


@dataclass(frozen=True, slots=True)
class ChatWanted:
    """Post one message."""

    route: str
    receiver: str
    template: str


Wanted = PageWanted | EmailWanted | ChatWanted


def route(notice: Notice, routes: Sequence[Route]) -> tuple[Wanted, ...]:
    """The actions that the routes require for this notice, in their order.

    Every route that matches counts; the same policy, addressee with template, or receiver with
    template is used once, so that overlapping routes send nothing twice.
    """
    wanted: list[Wanted] = []
    seen: set[tuple[str, ...]] = set()
    for line in routes:
        if not line.when.holds(notice):
            continue
        for candidate, key in _wants(line):
            is_held = notice.is_page_held and isinstance(candidate, PageWanted)
            if key not in seen and not is_held:
                seen.add(key)
                wanted.append(candidate)
    return tuple(wanted)


def _wants(line: Route) -> list[tuple[Wanted, tuple[str, ...]]]:
    found: list[tuple[Wanted, tuple[str, ...]]] = []
    if line.page:
        found.append((PageWanted(line.name, line.page), ("page", line.page)))
    if line.email:
        for to in line.email.to:
            template = line.email.template
            found.append((EmailWanted(line.name, to, template), ("email", to, template)))
    if line.chat:
        rule = line.chat
        found.append(
            (
                ChatWanted(line.name, rule.receiver, rule.template),
                ("chat", rule.receiver, rule.template),
            )
        )
    return found
