"""How many automatic answers an address gets within a window, as the desk's file says."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """So many to one address within the window: on one ticket, and at the desk."""

    per_ticket: int = 3
    per_address: int = 3
    within: timedelta = timedelta(hours=1)
