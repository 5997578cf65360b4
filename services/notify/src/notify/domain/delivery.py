"""A delivery, and the outcome of one attempt to make it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID


class Reason(StrEnum):
    """Why a delivery failed: the label in metrics, lists and events."""

    TIMEOUT = "timeout"
    CONNECTION_FAILED = "connection_failed"
    RECEIVER_ERROR = "receiver_error"  # 5xx, SMTP 4xx
    TOO_MANY_REQUESTS = "too_many_requests"
    REFUSED = "refused"  # 4xx, SMTP 5xx: the receiver will not take it as it is
    GONE = "gone"  # 410: the receiver wants no more
    REDIRECTED = "redirected"
    FORBIDDEN_ADDRESS = "forbidden_address"  # a private host the desk did not allow
    NAME_UNKNOWN = "name_unknown"
    NEEDS_SMTPUTF8 = "needs_smtputf8"  # an address beyond ASCII, which the relay does not offer
    BAD_CONTENT = "bad_content"  # no mail can be made of it
    RECEIVER_UNKNOWN = "receiver_unknown"  # the desk's file no longer has it
    NOT_ANSWERED = "not_answered"  # the phone rang out
    BUSY = "busy"  # the line was busy
    UNEXPECTED = "unexpected"  # a bug in a channel; see the log


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver accepted it. `provider_id` is the provider's id of it."""

    detail: str = ""
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """It may work later. `not_before` is the wait that the receiver requested."""

    reason: Reason
    detail: str = ""
    not_before: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Failed:
    """A retry would not help."""

    reason: Reason
    detail: str = ""


Outcome = Delivered | Retry | Failed


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one receiver, claimed for one attempt."""

    id: UUID
    desk: str
    lane: str
    channel: str
    target: str
    content: dict[str, Any]
    attempts: int  # this one included
    created_at: datetime
