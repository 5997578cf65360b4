"""The deliveries of a page's step: one for each contact method of each target.

What a channel sends is written by the channel (`notify.channels`), which registers its writer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from notify.domain.contact_methods import ContactMethod, contact_methods
from notify.domain.desk import Desk
from notify.domain.page import SendStep
from notify.storage.rows import Draft, PageRecord
from pledge.events import derived_id


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page to write for one contact method. `public_url` is where responders find notify."""

    desk: Desk
    record: PageRecord
    step: SendStep
    method: ContactMethod
    context: Mapping[str, Any]
    draft_id: UUID
    public_url: str
    now: datetime


@dataclass(frozen=True, slots=True)
class PageContent:
    """What a channel sends for a page, and the lane that the delivery waits in."""

    lane: str
    content: dict[str, Any]


PageWriter = Callable[[PageRequest], PageContent]


class PageComposer:
    """Makes the deliveries of pages. `writers` are the channels' own, by channel."""

    def __init__(self, writers: Mapping[str, PageWriter], public_url: str) -> None:
        self._writers = writers
        self._public_url = public_url

    def drafts(self, desk: Desk, record: PageRecord, step: SendStep, now: datetime) -> list[Draft]:
        """The deliveries of one step."""
        methods: dict[tuple[str, str], ContactMethod] = {}
        for method in _methods(desk, record, step, now):
            methods.setdefault(method.key, method)
        return [self._draft(desk, record, step, method, now) for method in methods.values()]

    def responders(
        self, desk: Desk, record: PageRecord, step: SendStep, now: datetime
    ) -> list[str]:
        """Who is reached by a step, by their names in the desk's file."""
        found = [method.responder for method in _methods(desk, record, step, now)]
        return list(dict.fromkeys(found))

    def _draft(
        self, desk: Desk, record: PageRecord, step: SendStep, method: ContactMethod, now: datetime
    ) -> Draft:
        source = f"/notify/{step.round}/{step.step}/{'/'.join(method.key)}"
        draft_id = UUID(derived_id(record.page.id, 0, source=source))
        context = _context(record, step, method)
        request = PageRequest(desk, record, step, method, context, draft_id, self._public_url, now)
        written = self._writers[method.channel](request)
        return Draft(
            id=draft_id,
            desk=desk.name,
            lane=written.lane,
            channel=method.channel,
            kind="page",
            target=method.target,
            about=record.facts.about,
            content=written.content,
            context=context,
            cause=record.facts.cause,
            page_id=record.id,
        )


def _methods(desk: Desk, record: PageRecord, step: SendStep, now: datetime) -> list[ContactMethod]:
    targets = record.page.policy.steps[step.step].targets
    return [method for target in targets for method in contact_methods(desk, target, now)]


def page_values(record: PageRecord, acknowledge_url: str) -> dict[str, Any]:
    """The variables of a page's template."""
    facts = record.facts
    return {
        "ticket": {"number": facts.about.number, "severity": facts.severity},
        "summary": facts.summary,
        "metric": facts.metric,
        "due_at": facts.due_at,
        "occurred_at": facts.occurred_at,
        "detected_at": facts.detected_at,
        "is_late": record.page.is_late,
        "acknowledge_url": acknowledge_url,
    }


def _context(record: PageRecord, step: SendStep, method: ContactMethod) -> dict[str, Any]:
    """The fields of the delivery's events."""
    return {
        "policy": record.page.policy.name,
        "why": record.facts.summary,
        "breach_id": str(record.facts.breach_id) if record.facts.breach_id else None,
        "step": step.step,
        "round": step.round,
        "responder": method.responder,
    }
