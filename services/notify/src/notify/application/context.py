"""What every unit of work of a service instance needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from notify.application.unit_of_work import UnitOfWork
from notify.domain.desk import Desk
from notify.messages.page_messages import PageComposer
from notify.metrics import NotifyMetrics
from pledge.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class NotifyContext:
    """The desks, and what decides and composes for them."""

    desks: Mapping[str, Desk]
    pages: PageComposer
    metrics: NotifyMetrics
    clock: Clock

    def begin(self) -> UnitOfWork:
        """A unit of work whose decisions are made now."""
        return UnitOfWork(self.desks, self.pages, self.metrics, self.clock.now())
