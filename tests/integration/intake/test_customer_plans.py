"""Plans given to customers, on open tickets and new ones."""

from __future__ import annotations

from typing import Any

import httpx

from integration.intake.harness import Intake, a_mail


async def change(intake: Intake, customer: str, **body: Any) -> httpx.Response:
    async with intake.http("agent") as client:
        return await client.post(f"/customers/{customer}/plan", json={"desk": "infocyte", **body})


async def ask(intake: Intake, name: str) -> None:
    mail = a_mail(
        name, sender="finn@fabrikam.example", to="support@infocyte.example",
        message_id=f"<{name}@x.y>",
    )  # fmt: skip
    await intake.mail(mail, "support@infocyte.example")


async def test_a_customers_plan_changes_on_its_open_tickets_and_for_new_ones(
    intake: Intake,
) -> None:
    for count, name in enumerate(("one", "two", "three"), start=1):
        await ask(intake, name)
        asked = await intake.tickets(count)
    one, two, _ = asked
    async with intake.http("agent") as client:
        assert (await client.post(f"/tickets/{two['id']}/close", json={})).is_success
    numbers = [one["number"], "INF-10003"]
    answer = (await change(intake, "Fabrikam", plan="patrol")).json()
    assert answer == {"changed": numbers, "unchanged": []}
    again = (await change(intake, "Fabrikam", plan="patrol")).json()
    assert again == {"changed": [], "unchanged": numbers}
    await ask(intake, "four")
    plans = [each["plan"] for each in await intake.tickets(4)]
    assert plans == ["patrol", "enlist", "patrol", "patrol"]
    # A file that names another plan than at the time of the change is the newer word.
    await intake.pool.execute("UPDATE customer_plans SET file_plan = 'command'")
    await ask(intake, "five")
    assert (await intake.tickets(5))[-1]["plan"] == "enlist"


async def test_a_plan_or_customer_that_nobody_knows_is_refused(intake: Intake) -> None:
    unknown = await change(intake, "Fabrikam", plan="gold")
    assert unknown.status_code == 422
    assert "enlist, patrol, command, assessment" in unknown.text
    assert (await change(intake, "Nobody", plan="patrol")).status_code == 404
    never = await change(intake, "Fabrikam", plan="patrol", occurred_at="0001-01-01T00:00:00+14:00")
    assert never.status_code == 422
    async with intake.http("agent", desks=["vircom"]) as client:
        body = {"desk": "infocyte", "plan": "patrol"}
        assert (await client.post("/customers/Fabrikam/plan", json=body)).status_code == 404
    async with intake.http("reader") as client:
        assert (await client.post("/customers/Fabrikam/plan", json=body)).status_code == 403
