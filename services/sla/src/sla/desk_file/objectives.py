"""Objectives in a desk's `sla.yaml`: their shape, their checks, and what the domain has of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from pledge.runtime.config.error_messages import suggest
from pledge.runtime.desk_file.model import Part
from pledge.runtime.desk_file.yaml_file import Steps
from sla.desk_file.hours_parser import Report
from sla.desk_file.when import When
from sla.domain.objectives import WHOLE, CreditStep, Objective, PeriodKind, TimeKept
from sla.domain.policy.conditions import Condition
from sla.domain.policy.rules import Metric

ReadConditions = Callable[[When, Steps], tuple[Condition, ...]]

_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,4})?) ?%")


def _millionths(value: object) -> object:
    """`95%` in millionths."""
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    found = int(Decimal(match[1]) * (WHOLE // 100)) if match else 0
    if not 0 < found <= WHOLE:
        raise ValueError("should be a percentage above 0 and up to 100, such as 95% or 99.95%")
    return found


Percent = Annotated[
    int,
    BeforeValidator(_millionths),
    WithJsonSchema({"type": "string", "examples": ["95%", "99.95%"]}),
]


class CreditPart(Part):
    """What is owed when less than `below` was kept in a period."""

    below: Percent
    owes: Percent


class ObjectivePart(Part):
    """So large a share of a metric's promises is to be kept in each period."""

    title: str = Field(default="", max_length=200)
    metric: str = Field(description="The metric whose promises are counted.")
    when: When = Field(default_factory=dict, description="Which tickets count.")
    share: Percent
    period: PeriodKind = Field(description="On the wall clock of `timezone`.")
    time: TimeKept = Field(
        default=TimeKept.PROMISED,
        description="`promised`: what was due; `expected`: the softer time that `expect` says.",
    )
    credits: list[CreditPart] = Field(
        default_factory=list, max_length=20, description="Listed for a person to confirm."
    )


def read_objectives(
    parts: Mapping[str, ObjectivePart],
    metrics: Sequence[Metric],
    conditions: ReadConditions,
    fail: Report,
) -> tuple[Objective, ...]:
    """The objectives of a file; reports what can't be counted."""
    known = {metric.name: metric for metric in metrics}
    found: list[Objective] = []
    for name, part in parts.items():
        steps: Steps = ("objectives", name)
        metric = known.get(part.metric)
        if metric is None:
            hint = suggest(part.metric, known)
            fail((*steps, "metric"), f"there is no metric `{part.metric}`", hint)
        elif not _has(metric, part.time):
            _nothing_to_count(part, steps, fail)
        for i, step in enumerate(part.credits):
            if step.below > part.share:
                hint = "a period that reaches its share owes nothing: write at most the share"
                fail((*steps, "credits", i, "below"), "is above the objective's share", hint)
        found.append(
            Objective(
                name=name,
                metric=part.metric,
                share=part.share,
                period=part.period,
                when=conditions(part.when, (*steps, "when")),
                title=part.title,
                time=part.time,
                credits=tuple(CreditStep(step.below, step.owes) for step in part.credits),
            )
        )
    return tuple(found)


def _has(metric: Metric, time: TimeKept) -> bool:
    targets = [target for track in metric.tracks for target in track]
    if time is TimeKept.EXPECTED:
        return any(target.expect is not None for target in targets)
    return any(target.due is not None for target in targets)


def _nothing_to_count(part: ObjectivePart, steps: Steps, fail: Report) -> None:
    if part.time is TimeKept.EXPECTED:
        hint = "add `expect` to one, or count what is promised"
        fail((*steps, "metric"), f"no target of `{part.metric}` has an expected time", hint)
    else:
        hint = "count what is expected (`time: expected`), or promise something with `within`"
        fail((*steps, "metric"), f"no target of `{part.metric}` can be missed", hint)
