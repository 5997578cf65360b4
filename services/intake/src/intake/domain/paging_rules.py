"""How many urgent requests may page within a window, as the desk's file says."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class PagingRules:
    """So many of one sender, and of all, within the window. A new request of one of ``severities``
    counts as urgent, too."""

    per_sender: int = 5
    per_desk: int = 30
    within: timedelta = timedelta(hours=1)
    severities: frozenset[str] = frozenset()
