"""Every series of the status service, in addition to those of the runtime."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# From the event's record to the page in memory: a fraction of a second, or the database is away.
SHOWN_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)


class StatusMetrics:
    """What the status service measures about its pages."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._changes(registry)
        self._pages(registry)

    def _changes(self, registry: CollectorRegistry) -> None:
        self.decisions = Counter(
            "pledge_status_decisions",
            "Commands decided on, by desk, by giver (rule, person, schedule) and by reason.",
            ("desk", "by", "reason"),
            registry=registry,
        )
        self.joined = Counter(
            "pledge_status_tickets_joined",
            "Tickets that joined an incident that was open already.",
            ("desk",),
            registry=registry,
        )
        self.repeated = Counter(
            "pledge_status_repeated_events",
            "Events of tickets and promises that had been applied before and changed nothing.",
            ("topic",),
            registry=registry,
        )

    def _pages(self, registry: CollectorRegistry) -> None:
        self.rebuilt = Counter(
            "pledge_status_pages_rebuilt",
            "Pages read from the database again.",
            ("desk",),
            registry=registry,
        )
        self.rebuild_seconds = Histogram(
            "pledge_status_rebuild_seconds",
            "Time to read one page's content from the database.",
            buckets=SHOWN_BUCKETS,
            registry=registry,
        )
        self.open_incidents = Gauge(
            "pledge_status_open_incidents",
            "Incidents that are open now, by desk and impact.",
            ("desk", "impact"),
            registry=registry,
        )
        self.checked = Gauge(
            "pledge_status_checked_timestamp_seconds",
            "When the pages were last known to agree with the database, as Unix time.",
            registry=registry,
        )
        self.views = Counter(
            "pledge_status_views",
            "Answers to the public, by desk, kind (page, api, feed) and whether they were stale.",
            ("desk", "kind", "is_stale"),
            registry=registry,
        )
