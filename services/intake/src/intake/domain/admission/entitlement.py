"""Who may open tickets (SIG-01), and what the desk's promises cover (SIG-10)."""

import re
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from intake.domain.admission.request import Condition, Request, holds
from intake.domain.admission.requirements import MAX_VALUE, Words
from intake.domain.services import Coverage

NOT_COVERED: Final = "not_covered"
"""The rule of a product that is none of the covered ones."""
_VERSION: Final = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Only administrators of a customer may open tickets; others get ``answer``, the name of a
    template, and their ticket is closed with it if ``closes``."""

    answer: str
    closes: bool = False
    rule: str = "administrators-only"


@dataclass(frozen=True, slots=True)
class ScopeRule:
    """Under a condition a request is in another scope than the desk's promises cover."""

    name: str
    when: Condition
    scope: str
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class VersionList:
    """The versions of a product, the latest first. Only the latest counts (SIG-10)."""

    name: str
    title: str
    known_as: frozenset[str]
    versions: tuple[str, ...]
    scope: str
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Scoped:
    """A request is in ``scope`` by ``rule``; ``product``, ``version`` and ``latest`` say why, where
    the version decided."""

    scope: str
    rule: str
    answer: str | None
    product: str = ""
    version: str = ""
    latest: str = ""

    @property
    def why(self) -> str:
        """The reason in words."""
        if self.rule == NOT_COVERED:
            return f"{self.product} is none of the covered products"
        if not self.version:
            return f"rule {self.rule}"
        return f"{self.product} {self.version} is not the latest version, {self.latest}"


def scope_by_rule(
    rules: tuple[ScopeRule, ...], request: Request, is_urgent: bool, is_trial: bool
) -> Scoped | None:
    """The first rule that holds, or None: nothing puts the request out of the promises."""
    for rule in rules:
        if holds(rule.when, request, is_urgent, is_trial):
            return Scoped(rule.scope, rule.name, rule.answer)
    return None


def scope_by_version(lists: tuple[VersionList, ...], words: Words) -> Scoped | None:
    """The first product whose version was given and is not the latest."""
    for each in lists:
        for name in sorted(each.known_as & words.named.keys()):
            version = _VERSION.search(words.named[name][:MAX_VALUE])
            if version is not None and not is_latest(version[0], each.versions[0]):
                return Scoped(
                    each.scope, each.name, each.answer, each.title, version[0], each.versions[0]
                )
    return None


def scope_by_product(coverage: Coverage | None, product: str | None) -> Scoped | None:
    """A product that is named and not covered is in the scope that the desk's file says for it
    (VIR-13, VIR-14); None: it is covered, or none is named."""
    if coverage is None or not product or coverage.is_covered(product):
        return None
    return Scoped(coverage.scope, NOT_COVERED, coverage.answer, product[:MAX_VALUE])


def is_latest(version: str, latest: str) -> bool:
    """Whether the version is the latest one, one of its patches, or newer than the list.

    >>> is_latest("5.2.7", "5.2"), is_latest("5.10", "5.2"), is_latest("5", "5.2")
    (True, True, False)
    """
    mine, newest = _numbers(version), _numbers(latest)
    for one, other in zip_longest(mine, newest, fillvalue=0):
        if one != other:
            return one > other
    return True


def _numbers(version: str) -> list[int]:
    return [int(part[:9]) for part in version.split(".")]
