"""Deliveries that are feedback or complaints and no requests: by a form, by an address (INF-11)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid5

from intake.domain.desk import Desk
from intake.domain.relation_commands import GiveFeedback
from intake.domain.request import Line
from pledge.events import Contact


class Kind(StrEnum):
    """What a delivery is, beside a request for help."""

    FEEDBACK = "feedback"
    COMPLAINT = "complaint"


_KINDS: Final[Mapping[str, Kind]] = {each.value: each for each in Kind}


def kind_of(desk: Desk, line: Line | None, form: str | None) -> Kind | None:
    """What comes by this address or form of the desk; None: a request."""
    if form is not None and form in desk.care.complaint_forms:
        return Kind.COMPLAINT
    if form is not None and form in desk.care.feedback_forms:
        return Kind.FEEDBACK
    return _KINDS.get(line.kind) if line is not None else None


def feedback(
    key: bytes,
    channel: str,
    by: Contact,
    text: str,
    *,
    desk: Desk,
    is_complaint: bool,
    rating: int | None = None,
) -> GiveFeedback:
    """The feedback that the delivery of this key gives; told again it has the same id."""
    return GiveFeedback(
        channel=channel,
        text=text,
        rating=rating,
        is_complaint=is_complaint,
        # Our reading: a good rating without a word is thanks; nobody waits for an answer to it.
        needs_answer=rating is None or bool(text.strip()) or rating <= desk.care.low_rating,
        by=by,
        feedback_id=uuid5(UUID(bytes=key), "feedback"),
    )
