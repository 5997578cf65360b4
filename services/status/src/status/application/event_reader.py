"""Events of other services as facts of the domain."""

from dataclasses import dataclass

from pledge.events import (
    BreachRetracted,
    Decoded,
    Envelope,
    Event,
    LinkedToIncident,
    Malformed,
    PromiseBreached,
    TicketOpened,
    Triaged,
    Unknown,
    decode,
)
from pledge.runtime.records import Poison, Record
from status.domain.reports import (
    Broken,
    Confirmed,
    Fact,
    FactDetail,
    Linked,
    Opened,
    Retracted,
)


@dataclass(frozen=True, slots=True)
class SourcedFact:
    """A fact and the event it came from."""

    fact: Fact
    cause: Envelope


def read(record: Record) -> SourcedFact | Poison | None:
    """The fact in `record`; None for an event that no status page shows."""
    try:
        found = decode(record.headers, record.value)
    except Malformed as error:
        return Poison(record, error.reason, error.detail)
    if isinstance(found, Unknown):
        return None
    detail = _detail(found.event)
    if detail is None:
        return None
    if found.envelope.sequence is None:
        return Poison(record, "missing_sequence", "the event does not count its ce_sequence")
    return _sourced_fact(record, found, detail, found.envelope.sequence)


def _sourced_fact(
    record: Record, found: Decoded, detail: FactDetail, sequence: int
) -> SourcedFact | None:
    event = found.event
    if not isinstance(
        event, PromiseBreached | BreachRetracted | TicketOpened | Triaged | LinkedToIncident
    ):
        return None
    ticket_id = event.ticket_id
    if ticket_id is None:
        # A promise on an incident: the page itself is what was late.
        return None
    number, at = event.ticket_number, event.occurred_at
    fact = Fact(ticket_id, event.desk, number, record.topic, sequence, at, detail)
    return SourcedFact(fact, found.envelope)


def _detail(event: Event) -> FactDetail | None:
    if isinstance(event, TicketOpened):
        return Opened(event.severity, event.product)
    if isinstance(event, Triaged):
        return Confirmed(event.severity, event.known_incident, event.product)
    if isinstance(event, LinkedToIncident):
        return Linked(event.incident_id)
    if isinstance(event, PromiseBreached):
        return Broken(event.metric, event.severity, event.breach_id, event.is_provisional)
    if isinstance(event, BreachRetracted):
        return Retracted(event.metric, event.breach_id)
    return None
