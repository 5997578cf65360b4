"""`deploy/desks/<desk>/status.yaml`: what a desk says about its status page."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from pledge.runtime.desk_file.model import Like, Part, Slug, WebAddress, Zone
from pledge.runtime.durations import Duration
from status.domain.components import ComponentStatus
from status.domain.incidents import Impact
from status.domain.reports import Trigger
from status.domain.retractions import MESSAGE

PublicId = Annotated[str, Like(r"^[a-z0-9]{12}$", "12 small letters and digits")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
HostName = Annotated[
    str,
    Like(r"^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$", "a host name such as status.desk.example"),
]
Message = Annotated[str, Field(min_length=1, max_length=10_000)]


class PageFile(Part):
    """Whose page it is. `url` and `id` are for a page that has them already."""

    name: Name
    zone: Zone = "Etc/UTC"
    host: HostName | None = Field(None, description="Host name under which the page is served.")
    url: WebAddress | None = Field(None, description="Public address, if it is not the default.")
    id: PublicId | None = None
    about: Annotated[str, Field(max_length=1000)] | None = None
    support_url: WebAddress | None = None
    language: Annotated[str, Like(r"^[a-z]{2}(-[A-Z]{2})?$", "a language such as en or fr-CA")] = (
        "en"
    )


class ComponentFile(Part):
    """One component, or with `components` a group of them."""

    key: Slug
    name: Name
    description: Annotated[str, Field(max_length=1000)] | None = None
    id: PublicId | None = Field(None, description="Its id on an earlier Statuspage, to keep it.")
    start_date: date | None = None
    showcase: bool = False
    only_show_if_degraded: bool = False
    components: Annotated[list["ComponentFile"], Field(min_length=1)] | None = None


class IncidentFile(Part):
    """What an incident that opens by itself says. Plain text: it is public at once."""

    name: Name
    message: Message
    status: Literal["investigating", "identified"] = "investigating"
    impact: Literal[Impact.NONE, Impact.MINOR, Impact.MAJOR, Impact.CRITICAL] | None = None
    components: dict[Slug, ComponentStatus] = Field(default_factory=dict)
    withdrawn_message: Message = Field(
        MESSAGE,
        description="Said where the breach that opened it is taken back and nobody has written on "
        "it: it ends by itself.",
    )


class RuleFile(Part):
    """When an incident opens without a publisher. Lists left out mean any."""

    key: Slug
    any_of: Annotated[list[Trigger], Field(min_length=1)]
    severities: list[str] = Field(default_factory=list)
    products: list[str] = Field(default_factory=list)
    metrics: list[str] = Field(default_factory=list)
    only_confirmed: bool = False
    incident: IncidentFile


class MaintenanceFile(Part):
    """What a maintenance says when its window begins and ends; null leaves that to a person."""

    start_message: Message | None = "The planned maintenance has begun."
    end_message: Message | None = "The planned maintenance is completed."


class StatusFile(Part):
    """The whole file."""

    desk: Slug | None = Field(None, description="The desk's id, as its folder is called.")
    page: PageFile
    components: list[ComponentFile] = Field(default_factory=list)
    open_incident_when: list[RuleFile] = Field(default_factory=list)
    update_every: Duration | None = Field(
        None, description="Within what time an open incident is said to get its next update."
    )
    maintenances: MaintenanceFile = MaintenanceFile()
