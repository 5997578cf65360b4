"""The bodies of the staff API, and what they mean."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal
from unicodedata import category
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
)

from pledge.events import Instant, storable
from pledge.runtime.instants import Timestamp
from status.domain.components import Component, ComponentStatus
from status.domain.decisions import Open, PostUpdate
from status.domain.incidents import Impact, IncidentStatus, Window

_WHITE = "\n\r\t"


def _text(value: str) -> str:
    # Control characters mean nothing on a page, and a feed cannot write them.
    kept = (sign for sign in storable(value) if sign in _WHITE or category(sign) != "Cc")
    cleaned = "".join(kept).strip()
    if not cleaned:
        raise ValueError("must hold some text")
    return cleaned


def _line(value: str) -> str:
    if "\n" in value or "\r" in value:
        raise ValueError("must be one line")
    return _text(value)


Name = Annotated[str, Field(max_length=200), AfterValidator(_line)]
Body = Annotated[str, Field(max_length=10_000), AfterValidator(_text)]
StatedImpact = Literal[Impact.NONE, Impact.MINOR, Impact.MAJOR, Impact.CRITICAL]
Statuses = Annotated[
    dict[str, ComponentStatus],
    Field(max_length=500, description="Component, by its key or id, to its status from now on."),
]


class UnknownComponents(Exception):
    """The request names components that the desk does not have."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(", ".join(names))


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewIncident(_Request):
    """An incident to open. It is public as soon as this is answered."""

    desk: str
    name: Name
    body: Body = Field(description="Plain text; the first update.")
    status: Literal[
        IncidentStatus.INVESTIGATING,
        IncidentStatus.IDENTIFIED,
        IncidentStatus.MONITORING,
        IncidentStatus.RESOLVED,
    ] = IncidentStatus.INVESTIGATING
    impact: StatedImpact | None = Field(
        None, description="That of the worst component, if it is not stated."
    )
    components: Statuses = Field(default_factory=dict)
    started_at: Instant | None = Field(None, description="If it began before now.")
    deliver_notifications: bool = True

    def command(self, uid: UUID, by: str, components: Sequence[Component]) -> Open:
        """The command of the request. Raises UnknownComponents."""
        return Open(
            uid=uid,
            desk=self.desk,
            name=self.name,
            body=self.body,
            by=by,
            status=self.status,
            impact=self.impact,
            statuses=by_id(self.components, components),
            started_at=self.started_at,
            deliver_notifications=self.deliver_notifications,
        )


class NewMaintenance(_Request):
    """A maintenance to announce."""

    desk: str
    name: Name
    body: Body
    components: list[str] = Field(default_factory=list, max_length=500)
    scheduled_for: Instant
    scheduled_until: Instant
    deliver_notifications: bool = True

    def command(self, uid: UUID, by: str, components: Sequence[Component]) -> Open:
        """The command of the request. Raises UnknownComponents."""
        named = dict.fromkeys(self.components, ComponentStatus.UNDER_MAINTENANCE)
        return Open(
            uid=uid,
            desk=self.desk,
            name=self.name,
            body=self.body,
            by=by,
            status=IncidentStatus.SCHEDULED,
            statuses=by_id(named, components),
            window=Window(self.scheduled_for, self.scheduled_until),
            deliver_notifications=self.deliver_notifications,
        )


class NewUpdate(_Request):
    """An update on an incident or maintenance. What is left out stays as it is."""

    body: Body
    status: IncidentStatus | None = None
    impact: StatedImpact | None = None
    name: Name | None = None
    components: Statuses = Field(default_factory=dict)
    deliver_notifications: bool = True

    def command(self, by: str, components: Sequence[Component]) -> PostUpdate:
        """The command of the request. Raises UnknownComponents."""
        return PostUpdate(
            body=self.body,
            by=by,
            status=self.status,
            impact=self.impact,
            name=self.name,
            statuses=by_id(self.components, components),
            deliver_notifications=self.deliver_notifications,
        )


class ComponentChange(_Request):
    """A component's status from now on."""

    status: ComponentStatus


class AffectedAnswer(BaseModel):
    """One component in an update."""

    id: str
    name: str
    old_status: ComponentStatus
    new_status: ComponentStatus


class UpdateAnswer(BaseModel):
    """One update, with its author."""

    id: str
    status: IncidentStatus
    body: str
    by: str
    created_at: Timestamp
    components: list[AffectedAnswer]
    deliver_notifications: bool


class ComponentAnswer(BaseModel):
    """A component as staff see it. `key` is its slug in the desk's file."""

    id: str
    key: str
    desk: str
    name: str
    status: ComponentStatus
    group_id: str | None
    is_group: bool
    updated_at: Timestamp


class IncidentAnswer(BaseModel):
    """An incident, or with `scheduled_for` a maintenance, as staff see it."""

    id: str
    uid: UUID = Field(description="Its id on the bus, the subject of its events.")
    desk: str
    kind: Literal["incident", "maintenance"]
    name: str
    status: IncidentStatus
    impact: Impact
    severity: str | None = Field(description="That of the ticket it was opened for.")
    disproved_at: Timestamp | None = Field(
        description="When the breach that opened it was taken back, until people have decided."
    )
    started_at: Timestamp
    created_at: Timestamp
    updated_at: Timestamp
    monitoring_at: Timestamp | None
    resolved_at: Timestamp | None
    scheduled_for: Timestamp | None
    scheduled_until: Timestamp | None
    components: dict[str, ComponentStatus] = Field(description="By id: what it says of each.")
    updates: list[UpdateAnswer] = Field(description="Newest first.")
    tickets: list[str] = Field(description="Numbers of tickets that belong to it (at most 100).")
    opened_by_rule: str | None
    url: str


def by_id(
    named: Mapping[str, ComponentStatus], components: Sequence[Component]
) -> dict[str, ComponentStatus]:
    """`named` by component id; names may be ids or keys. Raises UnknownComponents."""
    ids = {one.key: one.id for one in components} | {one.id: one.id for one in components}
    if unknown := sorted(named.keys() - ids.keys()):
        raise UnknownComponents([storable(name) for name in unknown])
    return {ids[name]: status for name, status in named.items()}
