"""What `intake.yaml` says of covered products and of professional services (VIR-13 to VIR-15)."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, field_validator

from intake.desk_file.admission import Label
from intake.desk_file.common import Name, Text
from intake.domain.admission.requirements import normal
from intake.domain.services import Coverage, CoveredProduct, Service, ServiceRules
from pledge.runtime.desk_file.model import Part, one_or_more
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.yaml_file import Document


class CoveredEntry(Part):
    """A product that the promises cover; `known_as` are other words by which requesters name it."""

    name: Name
    title: Label
    known_as: tuple[Label, ...] = ()

    _one = field_validator("known_as", mode="before")(one_or_more)


class CoverageSection(Part):
    """The covered products. A request that names another one is in `scope`, and gets the template
    `answer`; one that names none is covered until an agent says otherwise."""

    products: Annotated[tuple[CoveredEntry, ...], Field(min_length=1, max_length=200)]
    scope: Name = "best_effort"
    answer: Name | None = None


class ServiceEntry(Part):
    """A billable service, with its price in words."""

    name: Name
    title: Label
    price: Text
    text: str = Field(default="", max_length=2_000)


class ServicesSection(Part):
    """Professional services, which the customer confirms before the work starts; `offer_with` is
    the template of notify.yaml that brings an offer."""

    offer_with: Name
    offered: Annotated[tuple[ServiceEntry, ...], Field(min_length=1, max_length=100)]


def coverage_of(section: CoverageSection | None) -> Coverage | None:
    """The covered products as the domain's value; None: the file lists none."""
    if section is None:
        return None
    products = tuple(
        CoveredProduct(
            each.name,
            each.title,
            frozenset(normal(words) for words in (each.name, each.title, *each.known_as)),
        )
        for each in section.products
    )
    return Coverage(products, section.scope, section.answer)


def services_of(section: ServicesSection | None) -> ServiceRules:
    """The services as the domain's value."""
    if section is None:
        return ServiceRules()
    offered = tuple(
        Service(each.name, each.title, each.price, each.text) for each in section.offered
    )
    return ServiceRules(offered, section.offer_with)


def check_services(
    document: Document, coverage: CoverageSection | None, services: ServicesSection | None
) -> Iterator[Problem]:
    """Products and services that are there twice."""
    products = [each.name for each in coverage.products] if coverage else []
    offered = [each.name for each in services.offered] if services else []
    for key, part, names in (("coverage", "products", products), ("services", "offered", offered)):
        for index, name in enumerate(names):
            if name in names[:index]:
                yield document.twice((key, part, index), name)
