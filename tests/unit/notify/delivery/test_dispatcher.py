"""Which results of attempts are written down together."""

from datetime import UTC, datetime
from uuid import UUID

from notify.channels import Delivered, Delivery
from notify.delivery.dispatcher import InHand, Result, one_of_each

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def result(number: int, attempts: int = 1) -> Result:
    delivery = Delivery(
        id=UUID(int=number),
        desk="demo",
        lane="demo/webhook/pager/page",
        channel="webhook",
        target="pager",
        content={},
        attempts=attempts,
        created_at=NOW,
    )
    return Result(InHand(delivery, NOW), Delivered("HTTP 204"), NOW)


def test_results_of_different_deliveries_are_recorded_together() -> None:
    results = [result(1), result(2), result(3)]
    assert one_of_each(results) == results


def test_second_result_of_a_delivery_waits_for_the_first_to_be_recorded() -> None:
    first, other, again, last = result(1), result(2), result(1, attempts=2), result(3)
    assert one_of_each([first, other, again, last]) == [first, other]
    assert one_of_each([again, last]) == [again, last]
