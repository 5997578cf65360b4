"""The runtime's own series, the same in all four services; a service's are in its metrics.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pledge.runtime.clock import Clock
from pledge.runtime.observability import logs
from pledge.runtime.records import Partition

# A batch is one transaction: a millisecond when small, above a second something is wrong.
BATCH_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
# From the commit to Kafka's acknowledgement: some milliseconds, or as long as the broker is away.
RELAY_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 120, 600)
STALL_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)

# Often enough to see a stall of a tenth of a second, and 20 wake-ups a second cost nothing.
STALL_INTERVAL = timedelta(milliseconds=50)

log = logs.get(__name__)


class RuntimeMetrics:
    """What the consumer, the relay, the event loop and HTTP of one service instance measure."""

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        self.registry = registry
        self.service = service
        self._consumption(registry)
        self._ownership(registry)
        self._publication(registry)
        self._process(registry)

    def _consumption(self, registry: CollectorRegistry) -> None:
        place = ("service", "topic", "partition")
        self._lag_records = Gauge(
            "pledge_consumer_lag_records",
            "Records of an owned partition that are not applied yet.",
            place,
            registry=registry,
        )
        self._lag_seconds = Gauge(
            "pledge_consumer_lag_seconds",
            "Age of the record applied last, or of the takeover, while more wait; else 0.",
            place,
            registry=registry,
        )
        self._batch_seconds = Histogram(
            "pledge_consumer_batch_seconds",
            "Time to handle a batch of records in its transaction.",
            ("service", "topic"),
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self._records = Counter(
            "pledge_consumer_records",
            "Records taken in, by result: handled, or dead_lettered as poison.",
            ("service", "topic", "result"),
            registry=registry,
        )
        self._dead_letters = Counter(
            "pledge_dead_letters",
            "Records moved to a dead-letter topic, by reason.",
            ("service", "topic", "reason"),
            registry=registry,
        )

    def _ownership(self, registry: CollectorRegistry) -> None:
        self._rebalances = Counter(
            "pledge_consumer_rebalances",
            "Times that partitions were assigned to this instance or revoked from it.",
            ("service", "kind"),
            registry=registry,
        )
        self._fenced = Counter(
            "pledge_consumer_fenced",
            "Transactions refused because another instance owns the partition by now.",
            ("service",),
            registry=registry,
        )
        self._standstills = Counter(
            "pledge_consumer_standstills",
            "Times that records waited, none was read, and the client rejoined its group.",
            ("service",),
            registry=registry,
        )
        self._memberships_lost = Counter(
            "pledge_consumer_memberships_lost",
            "Times that this instance fell out of its group and rejoined: forgotten by the"
            " coordinator, unlisted by it without a word, or heartbeat_ended in the client.",
            ("service", "reason"),
            registry=registry,
        )
        self._retries = Counter(
            "pledge_consumer_retries",
            "Batches tried again because the database was away or asked for it.",
            ("service",),
            registry=registry,
        )

    def _publication(self, registry: CollectorRegistry) -> None:
        self._relayed = Counter(
            "pledge_outbox_published",
            "Outbox rows acknowledged by Kafka and deleted.",
            ("service",),
            registry=registry,
        )
        self._relay_seconds = Histogram(
            "pledge_outbox_publish_seconds",
            "From a row's transaction to Kafka's acknowledgement, of the oldest row of a round.",
            ("service",),
            buckets=RELAY_BUCKETS,
            registry=registry,
        )
        self._outbox_rows = Gauge(
            "pledge_outbox_rows",
            "Outbox rows waiting to be published (counted up to 100,000).",
            ("service",),
            registry=registry,
        )
        self._outbox_age = Gauge(
            "pledge_outbox_oldest_seconds",
            "Age of the oldest outbox row that is not published yet; 0 when there is none.",
            ("service",),
            registry=registry,
        )

    def _process(self, registry: CollectorRegistry) -> None:
        self._stalls = Histogram(
            "pledge_event_loop_stall_seconds",
            "How much later than asked the event loop woke a sleeper: what blocks it.",
            ("service",),
            buckets=STALL_BUCKETS,
            registry=registry,
        )
        self._requests = Histogram(
            "pledge_http_request_seconds",
            "Time to answer an HTTP request, by route and status.",
            ("service", "method", "route", "status"),
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )

        self._time_data = Gauge(
            "pledge_time_data_info",
            "Always 1: the version of each package that times are reckoned with.",
            ("service", "package", "version"),
            registry=registry,
        )

    def time_data(self, versions: Mapping[str, str]) -> None:
        """Times are reckoned with these packages, by name."""
        for package, version in versions.items():
            self._time_data.labels(self.service, package, version).set(1)

    def lag(self, partition: Partition, records: int, age: timedelta) -> None:
        """`records` of `partition` wait; the last one applied is `age` old (0 when none waits)."""
        labels = (self.service, partition.topic, str(partition.number))
        self._lag_records.labels(*labels).set(records)
        self._lag_seconds.labels(*labels).set(age.total_seconds())

    def released(self, partitions: Iterable[Partition]) -> None:
        """This instance owns `partitions` no more: their lag is another's to report."""
        for partition in partitions:
            labels = (self.service, partition.topic, str(partition.number))
            self._lag_records.remove(*labels)
            self._lag_seconds.remove(*labels)

    def batch_done(self, partition: Partition, records: int, seconds: float) -> None:
        """A batch of `records` of `partition` was committed after `seconds`."""
        self._batch_seconds.labels(self.service, partition.topic).observe(seconds)
        self._records.labels(self.service, partition.topic, "handled").inc(records)

    def dead_lettered(self, topic: str, reason: str) -> None:
        """A record of `topic` was moved to its dead letters for `reason`."""
        self._dead_letters.labels(self.service, topic, reason).inc()
        self._records.labels(self.service, topic, "dead_lettered").inc()

    def rebalanced(self, kind: str) -> None:
        """Partitions were `assigned` or `revoked`."""
        self._rebalances.labels(self.service, kind).inc()

    def fenced(self) -> None:
        """A transaction was refused, its partition being another instance's by now."""
        self._fenced.labels(self.service).inc()

    def consumption_stalled(self) -> None:
        """Records waited and none was read: the client rejoins its group."""
        self._standstills.labels(self.service).inc()

    def membership_lost(self, reason: str) -> None:
        """The group does not know this instance any more, for `reason`: the client rejoins."""
        self._memberships_lost.labels(self.service, reason).inc()

    def retried(self) -> None:
        """A batch is tried again."""
        self._retries.labels(self.service).inc()

    def relayed(self, rows: int, age: timedelta) -> None:
        """`rows` outbox rows were acknowledged; the oldest was written `age` ago."""
        self._relayed.labels(self.service).inc(rows)
        self._relay_seconds.labels(self.service).observe(max(0.0, age.total_seconds()))

    def outbox(self, rows: int, oldest: timedelta) -> None:
        """`rows` outbox rows wait, the oldest for `oldest` (0 when there is none)."""
        self._outbox_rows.labels(self.service).set(rows)
        self._outbox_age.labels(self.service).set(max(0.0, oldest.total_seconds()))

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request to `route` (its pattern, never its path) was answered."""
        self._requests.labels(self.service, method, route, str(status)).observe(seconds)

    def stalled(self, seconds: float) -> None:
        """The event loop was `seconds` late."""
        self._stalls.labels(self.service).observe(max(0.0, seconds))


async def watch_event_loop(metrics: RuntimeMetrics, clock: Clock) -> None:
    """Measure the delay of the event loop until cancelled."""
    interval = STALL_INTERVAL.total_seconds()
    while True:
        before = clock.monotonic()
        await clock.sleep(STALL_INTERVAL)
        metrics.stalled(clock.monotonic() - before - interval)
