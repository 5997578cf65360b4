"""What each type of fact does under a policy, looked up once per fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from sla.domain.facts import CLOSINGS, OPENINGS, REOPENING, TAKING_BACK
from sla.domain.policy.attributes import CHANGES, SETTERS, Setter
from sla.domain.policy.conditions import Condition, Trigger
from sla.domain.policy.rules import Flag, Metric, SilenceRule
from sla.domain.values import Scalar


class Role(IntEnum):
    """What a fact does to a metric; several happen in this order."""

    MEET = 0
    CANCEL = 1
    RESUME = 2
    START = 3
    PAUSE = 4
    REVISE = 5


class Effect(NamedTuple):
    """One thing that a type of fact does to one metric. `bits` are the pauses concerned."""

    metric: int
    role: Role
    matches: Callable[[Mapping[str, object]], bool] | None
    bits: int
    applies: Callable[[Mapping[str, Scalar]], bool] | None


FlagEffect = tuple[str, bool, Callable[[Mapping[str, object]], bool] | None]
SilenceEffect = tuple[int, bool, Callable[[Mapping[str, object]], bool] | None]


class FactEffects(NamedTuple):
    """All effects of one type of fact, in this order."""

    setter: Setter | None
    flags: tuple[FlagEffect, ...]
    is_reopening: bool
    effects: tuple[Effect, ...]
    silences: tuple[SilenceEffect, ...]
    is_closing: bool
    is_finding: bool
    """Whether it says of a ticket what counts from its opening."""


def effects_by_fact(
    metrics: Sequence[Metric],
    flags: Sequence[Flag],
    silences: Sequence[SilenceRule],
    defaults: Mapping[str, Scalar],
    from_opening: Sequence[str],
) -> dict[str, FactEffects]:
    """The effects of every type of fact that has any. A change of one of the attributes
    `from_opening` counts from the opening of the ticket on."""
    effects, flag_effects, silence_effects = (
        _effects(metrics),
        _flag_effects(flags),
        _silence_effects(silences),
    )
    setters = {fact: setter_of(dict(defaults)) for fact, setter_of in SETTERS.items()}
    return {
        fact: FactEffects(
            setter=setters.get(fact),
            flags=flag_effects.get(fact, ()),
            is_reopening=fact == REOPENING,
            effects=effects.get(fact, ()),
            silences=silence_effects.get(fact, ()),
            is_closing=fact in CLOSINGS,
            is_finding=fact not in OPENINGS
            and bool(
                {*CHANGES.get(fact, ()), *(name for name, _, _ in flag_effects.get(fact, ()))}
                & {*from_opening}
            ),
        )
        for fact in {
            *setters,
            *effects,
            *flag_effects,
            *silence_effects,
            REOPENING,
            TAKING_BACK,
            *CLOSINGS,
        }
    }


def _effects(metrics: Sequence[Metric]) -> dict[str, tuple[Effect, ...]]:
    found: dict[str, list[Effect]] = {}

    def add(number: int, role: Role, triggers: Sequence[Trigger], bits: int = 0) -> None:
        for trigger in triggers:
            effect = Effect(number, role, trigger.matcher(), bits, trigger.applies())
            found.setdefault(trigger.fact, []).append(effect)

    for number, metric in enumerate(metrics):
        add(number, Role.MEET, metric.meets)
        add(number, Role.CANCEL, metric.cancels)
        add(number, Role.START, metric.starts)
        for bit, pause in enumerate(metric.pauses):
            add(number, Role.RESUME, pause.until, 1 << bit)
        for bit, pause in enumerate(metric.pauses):
            add(number, Role.PAUSE, (pause.on,), 1 << bit)
        if metric.revisable:
            named = Condition("metric", (metric.name,))
            add(number, Role.REVISE, (Trigger("due_revised", (named,)),))
    return {
        fact: tuple(sorted(effects, key=lambda one: (one.role, one.metric)))
        for fact, effects in found.items()
    }


def _flag_effects(flags: Sequence[Flag]) -> dict[str, tuple[FlagEffect, ...]]:
    found: dict[str, list[FlagEffect]] = {}
    for flag in flags:
        for is_on, triggers in ((False, flag.off), (True, flag.on)):
            for trigger in triggers:
                found.setdefault(trigger.fact, []).append((flag.name, is_on, trigger.matcher()))
    return {fact: tuple(effects) for fact, effects in found.items()}


def _silence_effects(rules: Sequence[SilenceRule]) -> dict[str, tuple[SilenceEffect, ...]]:
    found: dict[str, list[SilenceEffect]] = {}
    for number, rule in enumerate(rules):
        for is_heard, triggers in ((True, rule.heard), (False, rule.attempts)):
            for trigger in triggers:
                effect = (number, is_heard, trigger.matcher())
                found.setdefault(trigger.fact, []).append(effect)
    return {fact: tuple(effects) for fact, effects in found.items()}
