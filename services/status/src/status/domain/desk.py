"""What a desk's status file says: its page, its components, when incidents open."""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from status.domain.components import ComponentDefinition
from status.domain.reports import Rule


@dataclass(frozen=True, slots=True)
class Page:
    """What stays the same while things break. `url` has no slash at its end."""

    id: str
    desk: str
    name: str
    url: str
    zone: ZoneInfo
    host: str | None = None
    about: str | None = None
    support_url: str | None = None
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Policy:
    """All that the file of one desk says.

    `update_within` is when the next update is promised; the messages are what a maintenance says
    when its window begins and ends, None where a person does.
    """

    page: Page
    components: tuple[ComponentDefinition, ...]
    rules: tuple[Rule, ...]
    update_within: timedelta | None
    start_message: str | None
    end_message: str | None
