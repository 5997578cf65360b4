"""What `intake.yaml` says of how many urgent requests may page."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from intake.desk_file.common import Name
from intake.domain.paging_rules import PagingRules
from pledge.runtime.desk_file.model import Part
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.yaml_file import Document


class PagingSection(Part):
    """How many urgent requests by mail, chat and portal page within `within_minutes`: of one
    sender, and of all senders (those of known customers are counted apart). Later ones open their
    tickets all the same and say there that they paged nobody. New requests of these `severities`
    count as urgent, by default those of the gravest one."""

    per_sender: int = Field(default=5, ge=1, le=1_000)
    per_desk: int = Field(default=30, ge=1, le=10_000)
    within_minutes: int = Field(default=60, ge=1, le=24 * 60)
    severities: tuple[Name, ...] | None = None


def paging_of(section: PagingSection, severities: tuple[str, ...]) -> PagingRules:
    """The rules as the domain's value; ``severities`` are the desk's, the gravest first."""
    counted = severities[:1] if section.severities is None else section.severities
    within = timedelta(minutes=section.within_minutes)
    return PagingRules(section.per_sender, section.per_desk, within, frozenset(counted))


def check_paging(
    document: Document, section: PagingSection, severities: tuple[str, ...]
) -> Iterator[Problem]:
    """Severities that the desk does not have."""
    for index, name in enumerate(section.severities or ()):
        if name not in severities:
            yield document.unknown(("paging", "severities", index), "severity", name, severities)
