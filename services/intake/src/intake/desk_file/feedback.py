"""The part of `intake.yaml` about feedback, complaints and their review (INF-10 to INF-13)."""

from pydantic import Field

from intake.desk_file.common import Name, Part
from intake.domain.ticket_parts import CareRules


class FeedbackSection(Part):
    """Which forms are feedback or complaints, who owns a complaint's steps, by role, and from which
    rating down feedback wants an answer."""

    forms: tuple[Name, ...] = ("feedback",)
    complaint_forms: tuple[Name, ...] = ("complaint",)
    low_rating: int = Field(default=3, ge=1, le=5)
    review_owner: Name = "management"
    arbitration_owner: Name = "management"


def care_of(section: FeedbackSection) -> CareRules:
    """The rules as the domain's value."""
    return CareRules(
        review_owner=section.review_owner,
        arbitration_owner=section.arbitration_owner,
        feedback_forms=frozenset(section.forms),
        complaint_forms=frozenset(section.complaint_forms),
        low_rating=section.low_rating,
    )
