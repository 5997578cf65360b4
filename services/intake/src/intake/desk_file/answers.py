"""What `intake.yaml` says of how many automatic answers an address gets."""

from datetime import timedelta

from pydantic import Field

from intake.domain.answer_rules import AnswerRules
from pledge.runtime.desk_file.model import Part


class AnswersSection(Part):
    """How many automatic answers (acknowledgements, questions, refusals) one address gets within
    `within_minutes`, on one ticket and at the desk: programs that answer each other stop. Later
    mails are taken all the same, and their tickets say that nobody was answered."""

    per_ticket: int = Field(default=3, ge=1, le=1_000)
    per_address: int = Field(default=3, ge=1, le=10_000)
    within_minutes: int = Field(default=60, ge=1, le=24 * 60)


def answers_of(section: AnswersSection) -> AnswerRules:
    """The rules as the domain's value."""
    within = timedelta(minutes=section.within_minutes)
    return AnswerRules(section.per_ticket, section.per_address, within)
