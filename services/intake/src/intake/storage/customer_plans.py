"""Plans that agents gave to customers: kept, and laid over the desk's file for new tickets."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import asyncpg

from intake.domain.desk import Desk

_KEEP: Final = """
INSERT INTO customer_plans (desk, customer, plan, file_plan, since) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (desk, customer) DO UPDATE SET plan = $3, file_plan = $4, since = $5
"""


async def keep(
    connection: asyncpg.Connection, desk: Desk, customer: str, plan: str, since: datetime
) -> None:
    """Remember the customer's plan, and what the file says of it now."""
    await connection.execute(_KEEP, desk.id, customer, plan, desk.customers[customer].plan, since)


async def planned(connection: asyncpg.Connection, desks: Iterable[Desk]) -> dict[str, Desk]:
    """The desks, by id, with the plans that their customers have by now; those that know no
    customer need no look."""
    asked = {each.id: each for each in desks if each.customers}
    if not asked:
        return {}
    rows = await connection.fetch(
        "SELECT desk, customer, plan, file_plan FROM customer_plans WHERE desk = ANY($1::text[])",
        list(asked),
    )
    plans: dict[str, dict[str, str]] = {}
    for row in rows:
        customer = asked[row["desk"]].customers.get(row["customer"])
        if customer is not None and customer.plan == row["file_plan"]:
            plans.setdefault(row["desk"], {})[row["customer"]] = row["plan"]
    return {desk: asked[desk].with_plans(found) for desk, found in plans.items()}
