"""Every series of notify, with its help text."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from notify.domain.delivery import Delivered, Outcome, Retry
from notify.domain.mail_limits import Refusal
from notify.domain.page import Reason

# From milliseconds (a page on a warm connection) to hours (a receiver that was away).
LATENCY_BUCKETS = (
    0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.5, 5, 15, 60, 300, 1800, 7200, 43_200,
)  # fmt: skip


class NotifyMetrics:
    """The series of one service instance."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = Counter(
            "pledge_notify_attempts",
            "Attempts to deliver, by channel, outcome (delivered, retry, failed) and reason.",
            ("desk", "channel", "kind", "outcome", "reason"),
            registry=registry,
        )
        self._latency = Histogram(
            "pledge_notify_delivery_seconds",
            "From the decision to send a message to the receiver's acceptance.",
            ("channel", "kind"),
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._pages(registry)
        self._mails(registry)
        self._claimed = Gauge(
            "pledge_notify_deliveries_in_hand",
            "Deliveries claimed by this process and not yet recorded.",
            registry=registry,
        )
        self._reclaimed = Counter(
            "pledge_notify_deliveries_reclaimed",
            "Deliveries released from workers that died before they recorded them.",
            registry=registry,
        )

    def _pages(self, registry: CollectorRegistry) -> None:
        self._page_latency = Histogram(
            "pledge_notify_page_reaction_seconds",
            "From the instant something happened (a breach: was due) to its page being raised.",
            ("desk",),
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._decisions = Counter(
            "pledge_notify_page_decisions",
            "Decisions on pages, by their named reason.",
            ("desk", "reason"),
            registry=registry,
        )
        self._late = Counter(
            "pledge_notify_pages_late",
            "Pages raised later than the desk tolerates.",
            ("desk",),
            registry=registry,
        )

    def _mails(self, registry: CollectorRegistry) -> None:
        self._refused = Counter(
            "pledge_notify_mails_refused",
            "Automatic mails not sent, to prevent loops and floods, by reason.",
            ("desk", "reason"),
            registry=registry,
        )
        self._unrenderable = Counter(
            "pledge_notify_templates_failed",
            "Messages not sent because a desk's template could not be filled.",
            ("desk", "template"),
            registry=registry,
        )

    def attempted(self, desk: str, channel: str, kind: str, outcome: Outcome) -> None:
        """One attempt had this outcome."""
        if isinstance(outcome, Delivered):
            labels = ("delivered", "")
        else:
            name = "retry" if isinstance(outcome, Retry) else "failed"
            labels = (name, outcome.reason.value)
        self._attempts.labels(desk, channel, kind, *labels).inc()

    def delivered(self, channel: str, kind: str, decided_at: datetime, now: datetime) -> None:
        """A receiver accepted what was decided then."""
        self._latency.labels(channel, kind).observe(max(0.0, (now - decided_at).total_seconds()))

    def decided(self, desk: str, reason: Reason) -> None:
        """A decision was made on a page."""
        self._decisions.labels(desk, reason.value).inc()

    def raised(self, desk: str, happened_at: datetime, now: datetime, *, late: bool) -> None:
        """A page was raised."""
        self._page_latency.labels(desk).observe(max(0.0, (now - happened_at).total_seconds()))
        if late:
            self._late.labels(desk).inc()

    def mail_refused(self, desk: str, reason: Refusal) -> None:
        """An automatic mail was not sent."""
        self._refused.labels(desk, reason.value).inc()

    def template_failed(self, desk: str, template: str) -> None:
        """A template could not be filled."""
        self._unrenderable.labels(desk, template).inc()

    def claimed(self, deliveries: int) -> None:
        """So many deliveries are claimed and not recorded."""
        self._claimed.set(deliveries)

    def reclaimed(self, deliveries: int) -> None:
        """So many deliveries were released from dead workers."""
        self._reclaimed.inc(deliveries)
