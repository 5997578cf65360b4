"""Professional services: what a desk offers at which price, and what became of each offer (VIR-15);
the products that its promises cover (VIR-13)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from intake.domain.admission.requirements import normal
from pledge.events import Contact


class OfferState(StrEnum):
    """How far an offer has come. Work starts when it is accepted, not before."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Offer:
    """Billable work that was offered on a ticket. ``price`` is in the words of the desk's file, as
    they stood then."""

    id: UUID
    service: str
    title: str
    price: str
    text: str
    offered_at: datetime
    state: OfferState = OfferState.OFFERED
    answered_by: Contact | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A service that agents offer."""

    name: str
    title: str
    price: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """The services on offer, and the template of notify.yaml that brings an offer."""

    services: tuple[Service, ...] = ()
    template: str | None = None

    def named(self, name: str) -> Service | None:
        """The service of the name."""
        return next((each for each in self.services if each.name == name), None)


@dataclass(frozen=True, slots=True)
class CoveredProduct:
    """A product that the promises cover; ``known_as`` are normal forms of what it is called."""

    name: str
    title: str
    known_as: frozenset[str]

    def is_meant_by(self, words: str) -> bool:
        """Whether the words name it, with or without an edition or version."""
        named = f" {normal(words)} "
        return any(f" {each} " in named for each in self.known_as)


@dataclass(frozen=True, slots=True)
class Coverage:
    """The covered products; another one that a request names is in ``scope``, with ``answer``.

    Where the request names no product nothing is decided: an agent sees what it is about.
    """

    products: tuple[CoveredProduct, ...] = ()
    scope: str = "best_effort"
    answer: str | None = None

    def is_covered(self, words: str) -> bool:
        """Whether the words name a covered product."""
        return any(each.is_meant_by(words) for each in self.products)


def outstanding(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """The offers that wait for the customer's answer."""
    return tuple(each for each in offers if each.state is OfferState.OFFERED)
