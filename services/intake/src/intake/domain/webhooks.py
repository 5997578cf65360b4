"""The webhooks by which a desk's own programs learn of events of its tickets."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where events of these types are sent. ``secrets`` are names, by which the operator gives
    their values; with two, while one is replaced, each signs."""

    name: str
    url: str
    events: frozenset[str]
    secrets: tuple[str, ...]


def wanted_types(webhooks: Mapping[str, Webhook]) -> frozenset[str]:
    """The types of events that any of the webhooks gets."""
    return frozenset().union(*(each.events for each in webhooks.values()))


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """The values of secrets: by desk, and their names there."""

    by_desk: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, desk: str, webhook: Webhook) -> list[str]:
        """The secrets that sign, in the order of the desk's file."""
        own = self.by_desk.get(desk, {})
        return [own[each] for each in webhook.secrets if each in own]
