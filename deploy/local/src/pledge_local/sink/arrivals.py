"""What arrived, newest last: in memory for the pages, and in a file for the next start."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pledge.runtime.clock import Clock
from pledge.runtime.instants import utc_text

KEPT = 2000
Kind = Literal["email", "webhook", "call"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One mail, webhook or phone call that was accepted."""

    number: int
    """Counts arrivals from 1."""
    kind: Kind
    received_at: datetime
    """When it was taken, just before the answer."""
    to: str
    """The envelope's recipients, the webhook's name, or the number called."""
    sender: str
    subject: str
    text: str
    html: str | None
    headers: Mapping[str, str]
    delivery: str
    """Message-ID, webhook-id or the call's id: once more is the same message sent twice."""
    attempt: int
    """How often this delivery has arrived, with this time."""
    is_signed: bool | None
    """Whether the signature is right; None where there is no secret to check it by."""
    body: Any = None
    """A webhook's JSON, or the order of a call."""

    def document(self) -> dict[str, Any]:
        """As JSON: times in ISO 8601 with milliseconds."""
        return {**asdict(self), "received_at": utc_text(self.received_at)}


class Arrivals:
    """Keeps the last KEPT arrivals, on disk as one JSON object a line."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / "arrivals.jsonl"
        self._clock = clock
        self._kept: deque[Arrival] = deque(_read(self._path), maxlen=KEPT)
        self._seen = Counter((arrival.to, arrival.delivery) for arrival in self._kept)
        # What has been dropped from memory goes from the file, too.
        lines = [json.dumps(arrival.document()) + "\n" for arrival in self._kept]
        self._path.write_text("".join(lines), encoding="utf-8")

    def add(
        self,
        kind: Kind,
        *,
        to: str,
        sender: str,
        subject: str,
        text: str,
        delivery: str,
        headers: Mapping[str, str],
        html: str | None = None,
        is_signed: bool | None = None,
        body: Any = None,
    ) -> Arrival:
        """Keep one arrival, with the present instant, and return it."""
        self._seen[to, delivery] += 1
        arrival = Arrival(
            number=self._kept[-1].number + 1 if self._kept else 1,
            kind=kind,
            received_at=self._clock.now(),
            to=to,
            sender=sender,
            subject=subject,
            text=text,
            html=html,
            headers=dict(headers),
            delivery=delivery,
            attempt=self._seen[to, delivery] if delivery else 1,
            is_signed=is_signed,
            body=body,
        )
        self._kept.append(arrival)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(arrival.document()) + "\n")
        return arrival

    def after(self, number: int, limit: int = KEPT) -> list[Arrival]:
        """What came after the arrival `number`, oldest first, at most `limit`."""
        return [arrival for arrival in self._kept if arrival.number > number][:limit]

    def newest_first(self) -> list[Arrival]:
        """All that is kept."""
        return list(reversed(self._kept))

    def find(self, number: int) -> Arrival | None:
        """The arrival `number`; None when there is none or it is no longer kept."""
        return next((arrival for arrival in self._kept if arrival.number == number), None)


def _read(path: Path) -> list[Arrival]:
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            fields = json.loads(line)
        except ValueError:
            continue  # the last line, cut off when the machine went down
        fields["received_at"] = datetime.fromisoformat(fields["received_at"]).astimezone(UTC)
        found.append(Arrival(**fields))
    return found
