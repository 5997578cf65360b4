"""Which results of attempts are written down together."""

from datetime import UTC, datetime
from uuid import UUID

from notify.delivery.dispatcher import ClaimedDelivery, Result, first_result_per_delivery
from notify.domain.delivery import Delivered, Delivery

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
    return Result(ClaimedDelivery(delivery, NOW), Delivered("HTTP 204"), NOW)


def test_results_of_different_deliveries_are_recorded_together() -> None:
    results = [result(1), result(2), result(3)]
    assert first_result_per_delivery(results) == results


def test_second_result_of_a_delivery_waits_for_the_first_to_be_recorded() -> None:
    first, other, again, last = result(1), result(2), result(1, attempts=2), result(3)
    assert first_result_per_delivery([first, other, again, last]) == [first, other]
    assert first_result_per_delivery([again, last]) == [again, last]
