"""The part of `intake.yaml` about customers: how they are recognised, and who administers them."""

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from pydantic import field_validator

from intake.desk_file.admission import AdministratorEntry, administrators_of
from intake.desk_file.common import Domain, Name, Part, Text, Zone, address_of
from intake.domain.desk import Customer, Desk


class CustomerEntry(Part):
    """A customer, recognised by the domain or address of the requester."""

    name: Text
    domains: tuple[Domain, ...] = ()
    addresses: tuple[str, ...] = ()
    plan: Name | None = None
    product: str | None = None
    is_trial: bool = False
    zone: Zone | None = None
    administrators: tuple[AdministratorEntry, ...] = ()

    @field_validator("addresses")
    @classmethod
    def _are_addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(address_of(value) for value in values)


def with_customers(desk: Desk, entries: Sequence[CustomerEntry]) -> Desk:
    """The desk with its customers, by name, domain and address."""
    customers = [(each, _customer(each)) for each in entries]
    by_address = {
        address: customer
        for each, customer in customers
        for address in (*each.addresses, *(admin.email for admin in each.administrators))
    }
    return replace(
        desk,
        customers=MappingProxyType({each.name: customer for each, customer in customers}),
        customers_by_domain=MappingProxyType(
            {domain: customer for each, customer in customers for domain in each.domains}
        ),
        customers_by_address=MappingProxyType(by_address),
    )


def _customer(entry: CustomerEntry) -> Customer:
    return Customer(
        entry.name,
        entry.plan,
        entry.product,
        entry.is_trial,
        administrators_of(entry.administrators),
        entry.zone,
    )
