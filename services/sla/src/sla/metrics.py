"""Every series of the sla service. What the runtime counts by itself (lag, outbox) is not here."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from sla.domain.values import Change, ChangeKind
from sla.storage.objectives import PeriodRow
from sla.storage.ticket_cache import Ticket

_DETECTION_BUCKETS = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0,
)  # fmt: skip
_BATCH_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class SlaMetrics:
    """The series of one running service; `registry` is scraped at its /metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.detection = Histogram(
            "sla_detection_seconds",
            "Seconds from the instant a promise was due to the instant its breach was noticed.",
            ["desk"],
            buckets=_DETECTION_BUCKETS,
            registry=registry,
        )
        self.timers = Gauge(
            "sla_timers",
            "Open timers in the service's database, by state as published.",
            ["desk", "state"],
            registry=registry,
        )
        self.attainment = Gauge(
            "sla_attainment_ratio",
            "Share of the promises due in the last 30 days that was kept.",
            ["desk", "metric"],
            registry=registry,
        )
        self.objective_attainment = Gauge(
            "sla_objective_attainment_ratio",
            "Share kept of the promises that an objective counts, in its present period.",
            ["desk", "objective"],
            registry=registry,
        )
        self.objective_left = Gauge(
            "sla_objective_misses_left",
            "How many more promises may be missed in the objective's present period.",
            ["desk", "objective"],
            registry=registry,
        )
        self.objective_burn = Gauge(
            "sla_objective_burn_rate",
            "How fast what may be missed is used up in the present period: above 1 it is lost.",
            ["desk", "objective"],
            registry=registry,
        )
        self.objective_changes = Counter(
            "sla_objective_changes_total",
            "Events published of objectives, by what happened: at_risk, lost, loss_retracted.",
            ["desk", "objective", "what"],
            registry=registry,
        )
        self._objectives: set[tuple[str, str]] = set()
        self.breaches = Counter(
            "sla_breaches_total",
            "Breaches published.",
            ["desk", "metric", "late"],
            registry=registry,
        )
        self.retractions = Counter(
            "sla_breach_retractions_total",
            "Breaches taken back because a late fact proved the promise kept.",
            ["desk", "metric"],
            registry=registry,
        )
        self.transitions = Counter(
            "sla_timer_transitions_total",
            "Timer events published, by what happened to the timer.",
            ["what"],
            registry=registry,
        )
        self.facts = Counter(
            "sla_facts_total",
            "Ticket events read, by what became of them: applied, duplicate, gap, replayed,"
            " unknown_ticket.",
            ["outcome"],
            registry=registry,
        )
        self.armed = Gauge(
            "sla_wakes_armed",
            "Tickets whose next wake lies in the window kept in memory.",
            registry=registry,
        )
        self.waiting = Gauge(
            "sla_wakes_waiting",
            "Tickets that are due but wait until their partition has been read that far.",
            ["partition"],
            registry=registry,
        )
        self.fired = Histogram(
            "sla_fire_seconds",
            "Seconds it took to assess and store one batch of due tickets.",
            buckets=_BATCH_BUCKETS,
            registry=registry,
        )
        self.quarantined = Counter(
            "sla_quarantined_total",
            "Tickets set aside since they could not be worked on, by what failed: wake, takeover.",
            ["what"],
            registry=registry,
        )
        self.in_quarantine = Gauge(
            "sla_quarantine_tickets",
            "Tickets that are set aside.",
            ["desk"],
            registry=registry,
        )
        self.troubles = Gauge(
            "sla_desks_in_trouble",
            "Desks of which something can't be used: set_aside (nobody can tell what it promises,"
            " its tickets wait), file (the version before goes on), version (tickets under it"
            " wait).",
            ["desk", "what"],
            registry=registry,
        )
        self.cached_tickets = Gauge(
            "sla_cached_tickets",
            "Tickets whose facts and timers are kept in memory.",
            registry=registry,
        )

    def count(
        self, published: Iterable[tuple[Change, Ticket]], now: datetime, *, late_after: timedelta
    ) -> None:
        """Count what a committed transaction published; it was noticed at `now`."""
        kinds: collections.Counter[ChangeKind] = collections.Counter()
        for change, ticket in published:
            kinds[change.kind] += 1
            if change.kind is ChangeKind.BREACHED:
                took = now - change.occurred_at
                is_late = str(took > late_after).lower()
                self.breaches.labels(ticket.desk, change.metric, is_late).inc()
                self.detection.labels(ticket.desk).observe(max(0.0, took.total_seconds()))
            elif change.kind is ChangeKind.BREACH_RETRACTED:
                self.retractions.labels(ticket.desk, change.metric).inc()
        for kind, count in kinds.items():
            self.transitions.labels(kind.value).inc(count)

    def objectives(self, desk: str, rows: Iterable[PeriodRow]) -> None:
        """Show how the desk's objectives stand in their present periods."""
        gauges = self.objective_attainment, self.objective_left, self.objective_burn
        for labels in [each for each in self._objectives if each[0] == desk]:
            for gauge in gauges:
                with suppress(KeyError):
                    gauge.remove(*labels)
            self._objectives.discard(labels)
        for row in rows:
            labels, standing = (desk, row.objective), row.standing
            values = standing.attainment, standing.left(row.share), standing.burn_rate(row.share)
            for gauge, value in zip(gauges, values, strict=True):
                if value is not None:
                    gauge.labels(*labels).set(value)
            self._objectives.add(labels)

    def objective_changed(self, desk: str, objective: str, event: str) -> None:
        """Count what was published of an objective."""
        self.objective_changes.labels(desk, objective, event.split(".")[2]).inc()

    def census(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Show how many open timers there are, by desk and state."""
        self.timers.clear()
        for (desk, state), count in counts.items():
            self.timers.labels(desk, state).set(count)

    def set_aside(self, counts: Mapping[str, int]) -> None:
        """Show how many tickets are set aside, by desk."""
        self.in_quarantine.clear()
        for desk, count in counts.items():
            self.in_quarantine.labels(desk).set(count)

    def in_trouble(self, troubles: Iterable[tuple[str, str, str]]) -> None:
        """Show the desks of which something can't be used."""
        self.troubles.clear()
        for desk, what, _ in troubles:
            self.troubles.labels(desk, what).set(1)

    def attained(self, ratios: Mapping[tuple[str, str], float]) -> None:
        """Show the share of promises kept, by desk and metric."""
        self.attainment.clear()
        for (desk, metric), ratio in ratios.items():
            self.attainment.labels(desk, metric).set(ratio)
