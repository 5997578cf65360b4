"""The outcome of a delivery that was posted over HTTP."""

from notify.domain.delivery import Delivered, Failed, Outcome, Reason, Retry
from pledge.runtime.http.posting import Answered, NotNow, NotTaken


def outcome_of(answer: Answered | NotNow | NotTaken) -> Outcome:
    """The answer as the outcome of an attempt."""
    if isinstance(answer, Answered):
        return Delivered(f"HTTP {answer.status}")
    reason = Reason(answer.fault.value)
    if isinstance(answer, NotNow):
        return Retry(reason, answer.detail, answer.not_before)
    return Failed(reason, answer.detail)
