"""What a requester sees of a ticket's story in the portal (INF-08): what was said to them, by them,
and where the ticket stands. Notes, attempts and whatever is not listed here stay with the desk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

Data: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the story: what happened, who did it if that is told, the words that came."""

    at: datetime
    what: str
    who: str = ""
    text: str = ""


def entry(
    type_name: str, at: datetime, data: Data, whole_text: str | None, zone: str = "UTC"
) -> Entry | None:
    """The fact as a requester in the zone sees it, or None: it is not for them. ``whole_text`` is
    the text where the fact repeats only a part of it."""
    reader = _READERS.get(type_name.removeprefix("pledge.ticket.").removesuffix(".v1"))
    if reader is None:
        return None
    if isinstance(starts_at := data.get("starts_at"), str):
        data = {**data, "starts_at": datetime.fromisoformat(starts_at).astimezone(ZoneInfo(zone))}
    what, who, text = reader(data)
    return Entry(at, what, who, whole_text or text if text else "")


def _person(contact: object) -> str:
    if not isinstance(contact, Mapping):
        return ""
    return str(contact.get("name") or contact.get("email") or contact.get("phone") or "")


def _said(data: Data) -> str:
    return str(data.get("text") or "")


def _opened(data: Data) -> tuple[str, str, str]:
    return "Request taken", _person(data.get("requester")), _said(data)


def _replied(data: Data) -> tuple[str, str, str]:
    return "You or a colleague wrote", _person(data.get("by")), _said(data)


def _answered(data: Data) -> tuple[str, str, str]:
    agent = data.get("agent") or {}
    return "Support wrote", str(agent.get("name") or ""), _said(data)


def _assigned(data: Data) -> tuple[str, str, str]:
    assignee = data.get("assignee")
    if not assignee:
        return "Back in the queue", "", ""
    return "Picked up", str(assignee.get("name") or assignee.get("id") or ""), ""


def _triaged(data: Data) -> tuple[str, str, str]:
    parts = [("severity", data.get("severity")), ("priority", data.get("priority"))]
    told = ", ".join(f"{name} {value}" for name, value in parts if value)
    return f"Assessed: {told}" if told else "Assessed", "", ""


def _asked(data: Data) -> tuple[str, str, str]:
    missing = ", ".join(str(each).replace("_", " ") for each in data.get("missing") or ())
    return f"Information is missing: {missing}", "", ""


def _workaround(data: Data) -> tuple[str, str, str]:
    return "A way around it", "", _said(data)


def _resolved(data: Data) -> tuple[str, str, str]:
    release = f" {data['release']}" if data.get("release") else ""
    what = f"To be fixed in a release{release}" if data.get("fixed_in_release") else "Resolved"
    return what, "", str(data.get("resolution") or "")


def _step(words: str, field: str = "text") -> Callable[[Data], tuple[str, str, str]]:
    return lambda data: (words.format_map(_Fields(data)), "", str(data.get(field) or ""))


def _meeting(words: str) -> Callable[[Data], tuple[str, str, str]]:
    def told(data: Data) -> tuple[str, str, str]:
        at = data.get("starts_at")
        when = f" for {at:%Y-%m-%d, %H:%M %Z}" if isinstance(at, datetime) else ""
        return f"{words}{when}", "", str(data.get("place") or "")

    return told


class _Fields(dict[str, Any]):
    """The fact's fields; one that is not there is left out."""

    def __missing__(self, key: str) -> str:
        return ""


def _plain(words: str) -> Callable[[Data], tuple[str, str, str]]:
    return lambda data: (words, "", "")


_READERS: Final[Mapping[str, Callable[[Data], tuple[str, str, str]]]] = {
    "opened": _opened,
    "requester_replied": _replied,
    "agent_replied": _answered,
    "assigned": _assigned,
    "triaged": _triaged,
    "information_requested": _asked,
    "information_completed": _plain("All information is there"),
    "waiting_on_customer": _plain("Waiting for your answer"),
    "waiting_on_provider": _plain("Support has the next step"),
    "workaround_provided": _workaround,
    "resolved": _resolved,
    "reopened": _plain("At work again"),
    "closing_announced": _plain("Will be closed unless you write"),
    "closed": _plain("Closed"),
    "merged": _step("Goes on as {into_number}"),
    "absorbed": _step("Another request about the same issue goes on here"),
    "split_off": _step("A further issue has a request of its own, {new_number}", ""),
    "followed_up": _step("Followed up by {new_number}"),
    "feedback_received": _step("Feedback was given"),
    "feedback_acknowledged": _step("Feedback was answered"),
    "complaint_filed": _step("A complaint, to be reviewed", ""),
    "review_opened": _step("The {stage} of the complaint began"),
    "review_updated": _step("How the review stands"),
    "review_concluded": _step("Outcome of the {stage}", "outcome"),
    "arbitration_requested": _step("Arbitration was asked for", ""),
    "meeting_proposed": _meeting("A meeting was proposed"),
    "meeting_agreed": _meeting("A meeting is agreed"),
    "meeting_held": _step("The meeting was held", ""),
    "meeting_cancelled": _step("The meeting will not be", ""),
}

TYPES: Final = tuple(f"pledge.ticket.{name}.v1" for name in _READERS)
"""The types of facts that a requester may see."""
