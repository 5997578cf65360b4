"""Every series of intake, with its help text."""

from prometheus_client import CollectorRegistry, Counter, Histogram

MAIL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class IntakeMetrics:
    """Counts deliveries, commands and mails, in addition to the runtime's own series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._deliveries = Counter(
            "intake_deliveries",
            "Channel events by what became of them: a named reason such as opened_by_email, "
            "requester_replied, duplicate or auto_submitted.",
            ("desk", "channel", "outcome"),
            registry=registry,
        )
        self._ends = Counter(
            "intake_delivery_ends",
            "Deliveries by the one end that each comes to: opened, appended, duplicate, filed, "
            "asked_back, refused or quarantined. The desk is empty where it could not be read.",
            ("desk", "channel", "end"),
            registry=registry,
        )
        self._pages_held = Counter(
            "intake_pages_held",
            "Urgent deliveries for which nobody is paged: sender_limit, desk_limit, sender_forged.",
            ("desk", "reason"),
            registry=registry,
        )
        self._answers_held = Counter(
            "intake_answers_held",
            "Automatic answers that an address does not get any more: ticket_limit, address_limit.",
            ("desk", "reason"),
            registry=registry,
        )
        self._commands = Counter(
            "intake_commands",
            "What agents asked of tickets, by result: done, or why it was refused.",
            ("desk", "action", "result"),
            registry=registry,
        )
        self._mails = Counter(
            "intake_smtp_mails",
            "Mails offered over SMTP, by the answer: accepted, or why not.",
            ("result",),
            registry=registry,
        )
        self._mail_seconds = Histogram(
            "intake_smtp_seconds",
            "Time from the end of a mail's data to the answer, Kafka's acknowledgement included.",
            buckets=MAIL_BUCKETS,
            registry=registry,
        )
        self._submissions = Counter(
            "intake_http_submissions",
            "Deliveries offered over HTTP, by channel and result.",
            ("channel", "result"),
            registry=registry,
        )

        self._hooks = Counter(
            "intake_hook_requests",
            "Requests to webhooks of chat and phone providers, each by its one end: accepted, what "
            "there was nothing to do about, deferred, or why it was refused.",
            ("desk", "hook", "end"),
            registry=registry,
        )

        self._posted = Counter(
            "intake_webhook_attempts",
            "Events sent to webhooks, by result: delivered, or why not.",
            ("desk", "webhook", "result"),
            registry=registry,
        )
        self._given_up = Counter(
            "intake_webhook_given_up",
            "Events that a webhook did not take in time, or that were pending as it was disabled. "
            "They are in `pledge intake webhooks deliveries` and can be sent again.",
            ("desk", "webhook"),
            registry=registry,
        )

        self._scans = Counter(
            "intake_file_scans",
            "Contents shown to the virus scanner, by result: clean or infected.",
            ("desk", "result"),
            registry=registry,
        )
        self._removed = Counter(
            "intake_files_removed",
            "Messages and files deleted because their time was over, by kind.",
            ("desk", "kind"),
            registry=registry,
        )
        self._removed_bytes = Counter(
            "intake_files_removed_bytes",
            "Bytes of messages and files deleted because their time was over, by kind.",
            ("desk", "kind"),
            registry=registry,
        )

    def posted(self, desk: str, webhook: str, result: str) -> None:
        """An event was sent to a webhook, with this result."""
        self._posted.labels(desk, webhook, result).inc()

    def gave_up(self, desk: str, webhook: str, count: int) -> None:
        """So many events were given up."""
        if count:
            self._given_up.labels(desk, webhook).inc(count)

    def scanned(self, desk: str, result: str) -> None:
        """The virus scanner has seen a content."""
        self._scans.labels(desk, result).inc()

    def removed(self, desk: str, kind: str, count: int, size: int) -> None:
        """So many contents of so many bytes were deleted."""
        self._removed.labels(desk, kind).inc(count)
        self._removed_bytes.labels(desk, kind).inc(size)

    def delivered(self, desk: str, channel: str, outcome: str, count: int = 1) -> None:
        """So many deliveries came to this outcome."""
        self._deliveries.labels(desk, channel, outcome).inc(count)

    def ended(self, desk: str, channel: str, end: str) -> None:
        """A delivery came to its end."""
        self._ends.labels(desk, channel, end).inc()

    def page_held(self, desk: str, reason: str) -> None:
        """Nobody is paged for a delivery that is urgent."""
        self._pages_held.labels(desk, reason).inc()

    def answer_held(self, desk: str, reason: str) -> None:
        """An automatic answer is held back."""
        self._answers_held.labels(desk, reason).inc()

    def commanded(self, desk: str, action: str, result: str) -> None:
        """An agent's command was done or refused."""
        self._commands.labels(desk, action, result).inc()

    def mailed(self, result: str, seconds: float) -> None:
        """A mail was answered after so long."""
        self._mails.labels(result).inc()
        self._mail_seconds.observe(seconds)

    def submitted(self, channel: str, result: str) -> None:
        """A delivery came over HTTP."""
        self._submissions.labels(channel, result).inc()

    def hooked(self, desk: str, hook: str, end: str) -> None:
        """A request to a webhook came to this end."""
        self._hooks.labels(desk, hook, end).inc()
