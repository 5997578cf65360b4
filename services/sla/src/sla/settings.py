"""The settings of the sla service, read from its environment."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from pledge.runtime.config.settings import Seconds, ServiceSettings


class SlaSettings(ServiceSettings):
    """Variables are named `PLEDGE_SLA_…` after the fields here; the rest is `ServiceSettings`."""

    env_prefix = "PLEDGE_SLA_"

    # A breach noticed later than this after its due instant is marked late: ordinary detection
    # takes milliseconds, so a second already says that something stood still.
    late_after: Seconds = Field(timedelta(seconds=1), ge=timedelta(0), le=timedelta(hours=1))
    # How long a due timer waits for its partition to be read up to its due instant. Past this,
    # silence would be worse than a mistake: it fires, marked provisional.
    provisional_after: Seconds = Field(
        timedelta(minutes=2), ge=timedelta(seconds=1), le=timedelta(days=1)
    )
    # How far ahead of now timers are kept in memory.
    timer_window: Seconds = Field(
        timedelta(minutes=5), ge=timedelta(seconds=2), le=timedelta(hours=6)
    )
    # Per partition: bounds memory when very many timers fall due in one window.
    timers_in_memory: int = Field(20_000, ge=100, le=1_000_000)
    # One transaction fires at most this many tickets, so that records in between don't starve.
    fire_batch: int = Field(250, ge=1, le=5_000)
    # Tickets whose facts and timers stay in memory, over all partitions of the process.
    cached_tickets: int = Field(20_000, ge=0, le=1_000_000)
    # Boards that are shown live at a time; each holds a connection and asks for its rows whenever
    # something changes. Further ones are shown too, and renewed every few seconds instead.
    boards: int = Field(200, ge=0, le=10_000)
    # Tickets that one transaction puts under another policy version.
    reassess_batch: int = Field(100, ge=1, le=2_000)
    # The pause after each such transaction, in its own length: 1 leaves half of the time to others.
    reassess_pause: float = Field(0.25, ge=0, le=100)
    # How often objectives are counted: a query over the promises of some months for each of them.
    objectives_every: Seconds = Field(
        timedelta(minutes=1), ge=timedelta(seconds=1), le=timedelta(hours=6)
    )
    # How long after its end a period is judged: what was due at its end is decided by then.
    objectives_settle: Seconds = Field(timedelta(minutes=10), ge=timedelta(0), le=timedelta(days=1))
    # So long after its end a period follows facts that are learnt late; then it stays as it is.
    objectives_reopen_for: Seconds = Field(
        timedelta(days=92), ge=timedelta(days=1), le=timedelta(days=400)
    )
    # Tickets set aside at a time because nothing can be done with them. More of them are a fault
    # of the service or of a policy: it stops, rather than set everything aside.
    quarantine_limit: int = Field(100, ge=0, le=1_000_000)
