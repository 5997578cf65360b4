"""What `intake.yaml` says of the promises that customers are told of."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field

from intake.desk_file.admission import Label
from intake.desk_file.common import Name
from intake.domain.promises_shown import MOST_SHOWN, PromiseRules, ShownPromise
from pledge.runtime.desk_file.model import Part
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.yaml_file import Document

LONGEST_WAIT: Final = 120
"""Seconds: who has written wants to know soon that it arrived."""


class ShownEntry(Part):
    """A metric of sla.yaml that customers are told of."""

    metric: Name
    title: Label


class PromisesSection(Part):
    """The promises that the portal shows to customers. With `acknowledge_with`, a template of
    notify.yaml, intake confirms a new request itself, with what is promised: as soon as that is
    known, `wait_seconds` after the request at the latest. notify.yaml then has no route for it."""

    shown: Annotated[tuple[ShownEntry, ...], Field(max_length=MOST_SHOWN)] = ()
    acknowledge_with: Name | None = None
    wait_seconds: int = Field(default=10, ge=1, le=LONGEST_WAIT)


def promises_of(section: PromisesSection) -> PromiseRules:
    """The rules as the domain's value."""
    return PromiseRules(
        tuple(ShownPromise(each.metric, each.title) for each in section.shown),
        section.acknowledge_with,
        timedelta(seconds=section.wait_seconds),
    )


def check_promises(document: Document, section: PromisesSection) -> Iterator[Problem]:
    """Metrics that are there twice."""
    names = [each.metric for each in section.shown]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield document.twice(("promises", "shown", index), name)
