"""What is particular to a request: what its requester said, and what the desk decided on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from intake.domain.matrix import Origin
from intake.domain.misuse import Misuse
from pledge.events import Actor


@dataclass(frozen=True, slots=True)
class RequestDetails:
    """What a ticket remembers of its request.

    ``requested_severity`` and ``requested_priority`` are the requester's own (INF-01), whatever
    they are now; ``assessed_by`` and ``assessed_why`` belong to the last change of them.
    ``requirement`` names the entry of the desk's file that says what the request needs, and
    ``information`` is what was said of it so far (INF-05). ``entitled`` None: not decided, or no
    rule (SIG-01). ``circumvention`` is how the fault can be got around (INF-14), ``misuse`` what
    was found of the line that it came by (SMS-05). ``origin`` says how the severity or priority
    that the desk's matrix gives by ``impact`` and ``urgency`` came about. With ``is_from_machine``
    no automatic mail goes back (RFC 3834).
    """

    requested_severity: str | None = None
    requested_priority: str | None = None
    assessed_by: Actor | None = None
    assessed_why: str = ""
    requirement: str | None = None
    information: Mapping[str, str] = field(default_factory=dict)
    entitled: bool | None = None
    scope: str | None = None
    scope_rule: str | None = None
    circumvention: str | None = None
    misuse: Misuse | None = None
    impact: str | None = None
    urgency: str | None = None
    origin: Origin = Origin.CHOSEN
    is_from_machine: bool = False


NO_DETAILS = RequestDetails()


def with_reach(
    details: RequestDetails, impact: str | None, urgency: str | None, origin: Origin
) -> RequestDetails:
    """The details with impact and urgency; the same object where there is nothing to say."""
    if (impact, urgency, origin) == (None, None, Origin.CHOSEN):
        return details
    return replace(details, impact=impact, urgency=urgency, origin=origin)
