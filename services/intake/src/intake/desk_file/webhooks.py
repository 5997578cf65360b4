"""The section `webhooks` of `intake.yaml`: where events of tickets are sent."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from intake.desk_file.hooks import SecretNames
from intake.domain.webhooks import Webhook
from pledge.events import EVENT_TYPES, EmailRequested, Topic
from pledge.runtime.desk_file.model import Like, Part, Slug, one_or_more
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.yaml_file import Document

_PREFIX: Final = "pledge."
_VERSION: Final = ".v1"
TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        name.removeprefix(_PREFIX).removesuffix(_VERSION): name
        for name, event in EVENT_TYPES.items()
        if event.TOPIC is Topic.TICKET_EVENTS and event is not EmailRequested
    }
)
"""Events of tickets: as a desk's file names them, and their type. Mails that are asked for are not
among them: some have links by which a requester signs in."""


class WebhookEntry(Part):
    """A receiver of events. `secrets` names secrets that the operator sets; the url may be plain
    HTTP, for hosts inside."""

    name: Slug
    url: Annotated[
        str,
        Field(max_length=2_000),
        Like(r"^https?://[^\s/@]+(/\S*)?$", "a web address without a password in it"),
    ]
    events: Annotated[
        tuple[Annotated[str, Field(max_length=100)], ...],
        BeforeValidator(one_or_more),
        Field(min_length=1, max_length=100),
    ]
    secrets: SecretNames


def webhooks_of(entries: Iterable[WebhookEntry]) -> Mapping[str, Webhook]:
    """The webhooks as the domain's values, by name."""
    return MappingProxyType(
        {
            each.name: Webhook(
                each.name, each.url, frozenset(TYPES[event] for event in each.events), each.secrets
            )
            for each in entries
        }
    )


def check_webhooks(document: Document, entries: Iterable[WebhookEntry]) -> Iterator[Problem]:
    """Events that there are not."""
    for index, entry in enumerate(entries):
        for position, event in enumerate(entry.events):
            if event not in TYPES:
                steps = ("webhooks", index, "events", position)
                yield document.unknown(steps, "event of tickets", event, sorted(TYPES))
