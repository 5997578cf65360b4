"""The pages in memory: read again when they change, kept when the database is away."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

import asyncpg

from pledge.runtime.clock import Clock
from pledge.runtime.observability import logs
from pledge.runtime.postgres.pool import own_connection
from pledge.runtime.retry import retry_while_away
from status.domain.desk import Page, Policy
from status.domain.incidents import Impact
from status.domain.page_state import PageState
from status.metrics import StatusMetrics
from status.settings import StatusSettings
from status.storage import store

log = logs.get("status.page_cache")


@dataclass(frozen=True, slots=True)
class Document:
    """One rendered answer. `etag` depends on the body alone."""

    body: bytes
    etag: str


@dataclass(slots=True)
class CachedPage:
    """One desk's page as read from the database, with what was rendered from it so far."""

    state: PageState
    version: int
    _documents: dict[str, Document] = field(default_factory=dict)

    def document(self, name: str, render: Callable[[], bytes], *, keep: bool = True) -> Document:
        """The document called `name`, rendered at most once per cached if it is to be kept."""
        found = self._documents.get(name)
        if found is None:
            body = render()
            found = Document(body, f'"{sha256(body).hexdigest()[:24]}"')
            if keep:
                self._documents[name] = found
        return found


class PageCache:
    """The pages of all desks. Answers come from here and never wait for the database."""

    def __init__(
        self,
        settings: StatusSettings,
        pool: asyncpg.Pool,
        policies: Mapping[str, Policy],
        *,
        clock: Clock,
        metrics: StatusMetrics,
        progress: Callable[[], None] = lambda: None,
        on_read: Callable[[PageState], None] = lambda state: None,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._policies = policies
        self._clock = clock
        self._metrics = metrics
        self._progress = progress
        self._on_read = on_read
        self._cache: dict[str, CachedPage] = {}
        self._hosts = {
            policy.page.host: desk for desk, policy in policies.items() if policy.page.host
        }
        self._checked_at: datetime | None = None
        self._woken = asyncio.Event()

    # -- reading ----------------------------------------------------------------------------

    def of_desk(self, desk: str) -> CachedPage | None:
        """The page of `desk`; None if there is none."""
        return self._cache.get(desk)

    def of_host(self, host: str | None) -> CachedPage | None:
        """The page that stands at the root of `host`: its own desk's, else the default one."""
        desk = self._hosts.get(host.lower()) if host else None
        desk = desk or self._settings.default_desk
        return self._cache.get(desk) if desk else None

    def pages(self, desks: frozenset[str] | None) -> list[Page]:
        """The pages of `desks` (None: of all), by name."""
        found = [
            policy.page for desk, policy in self._policies.items() if desks is None or desk in desks
        ]
        return sorted(found, key=lambda page: page.name)

    @property
    def stale_since(self) -> datetime | None:
        """Since when the pages may be out of date; None while they are known to be current."""
        if self._checked_at is None:
            return None
        is_stale = self._clock.now() - self._checked_at > self._settings.stale_after
        return self._checked_at if is_stale else None

    def ready(self) -> str | None:
        """A readiness check: a stale page is still served, no page at all is not."""
        missing = sorted(self._policies.keys() - self._cache.keys())
        return f"not read yet: {', '.join(missing)}" if missing else None

    # -- life --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the pages up to date until cancelled. Passing faults of the database back off."""
        await retry_while_away(self._follow, on_retry=self._on_retry, clock=self._clock)

    def _on_retry(self, error: BaseException) -> None:
        log.warning("pages_not_checked", error=repr(error))
        self._progress()

    async def _follow(self) -> None:
        """Listen for changes on a connection of its own, and read what changed."""
        settings = {"application_name": "pledge-status-pages"}
        async with own_connection(self._settings.dsn, server_settings=settings) as connection:
            await connection.add_listener(store.CHANNEL, lambda *_: self._woken.set())
            while True:
                self._woken.clear()
                await self.refresh()
                self._progress()
                if connection.is_closed():
                    raise ConnectionError("the connection that listens for changes was lost")
                await self._wait()

    async def refresh(self) -> None:
        """Read every page that changed since it was read last."""
        async with self._pool.acquire() as connection:
            found = await store.versions(connection)
            for desk in self._policies:
                known = self._cache.get(desk)
                if desk in found and (known is None or known.version != found[desk].version):
                    await self._read(connection, desk)
        self._checked_at = self._clock.now()
        self._metrics.checked.set(self._checked_at.timestamp())

    async def _read(self, connection: asyncpg.Connection, desk: str) -> None:
        started = self._clock.monotonic()
        # One moment of the database: an incident never shows without its components' state.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            version = (await store.versions(connection))[desk]
            components = await store.components_of(connection, [desk])
            incidents = await store.shown_incidents(connection, desk)
        state = PageState(
            self._policies[desk].page, components[desk], tuple(incidents), version.updated_at
        )
        self._cache[desk] = CachedPage(state, version.version)
        self._on_read(state)
        self._metrics.rebuilt.labels(desk).inc()
        self._metrics.rebuild_seconds.observe(self._clock.monotonic() - started)
        for impact in Impact:
            count = sum(one.impact is impact for one in state.unresolved)
            self._metrics.open_incidents.labels(desk, impact).set(count)

    async def _wait(self) -> None:
        """Until a change is announced, or it is time to look for one that was not."""
        woken = asyncio.ensure_future(self._woken.wait())
        slept = asyncio.ensure_future(self._clock.sleep(self._settings.refresh_every))
        try:
            await asyncio.wait({woken, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (woken, slept):
                task.cancel()
