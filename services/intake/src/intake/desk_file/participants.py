"""What `intake.yaml` says of people in copy (SIG-03)."""

from pydantic import Field

from intake.domain.participants import MAX_PARTICIPANTS, Copying, ParticipantRules
from pledge.runtime.desk_file.model import Part


class ParticipantsSection(Part):
    """Whom the requester's side may bring in, in copy of a mail or in the portal: `organisation`
    (those of the requester's customer, or of the domain of their address), `anyone` or `nobody`;
    and how many people may be in copy."""

    may_add: Copying = Copying.ORGANISATION
    at_most: int = Field(default=20, ge=1, le=MAX_PARTICIPANTS)


def participants_of(section: ParticipantsSection) -> ParticipantRules:
    """The rules as the domain's value."""
    return ParticipantRules(section.may_add, section.at_most)
