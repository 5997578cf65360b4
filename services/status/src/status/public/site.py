"""What the public sees: pages and the v2 API, from memory, for anybody."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from pledge.runtime.http.app import HttpProblem
from pledge.runtime.postgres.errors import is_retriable
from status.application.page_cache import CachedPage, Document, PageCache
from status.domain.incidents import Incident
from status.metrics import StatusMetrics
from status.public import feeds, statuspage_v2
from status.public.render import Pages
from status.storage import store

CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "ETag, Last-Modified, Pledge-Stale-Since",
    # The middleware keeps other sites out of all answers; this API is for them.
    "cross-origin-resource-policy": "cross-origin",
}
# A second, so that a crowd is held by caches while an incident shows at once; when the service
# does not answer, a cache may show the last page for a day.
CACHING = "public, max-age=1, stale-while-revalidate=4, stale-if-error=86400"

# What the addresses of the staff's pages begin with.
STAFF_PLACES = ("staff", "sign-in", "sign-out")

# Visitors may request incidents that are not in memory, or do not exist. However many they are, the
# other connections are left to the work.
READS_AT_ONCE = 2

_PUBLIC_ID = re.compile(r"[a-z0-9]{12}")

Handler = Callable[[Request], Any]


class PublicSite:
    """Answers the public at `/<desk>/…`, and at the root for hosts that belong to a desk."""

    def __init__(
        self, cache: PageCache, pages: Pages, pool: asyncpg.Pool, metrics: StatusMetrics
    ) -> None:
        self._cache = cache
        self._pages = pages
        self._pool = pool
        self._metrics = metrics
        self._reads = asyncio.Semaphore(READS_AT_ONCE)

    def router(self) -> APIRouter:
        """The routes. Include it last: `/<desk>` would take what others serve."""
        router = APIRouter(include_in_schema=False)
        router.include_router(self._pages.assets.router)
        routes: Mapping[str, Handler] = {
            "/api/v2/{path:path}": self.api,
            "/incidents/{incident_id}.json": self.incident_body,
            "/incidents/{incident_id}": self.incident,
            "/history.atom": self.atom,
            "/history.rss": self.rss,
            "/history": self.history,
            "/api": self.api_guide,
            "/": self.front,
        }
        for prefix in ("", "/{desk}"):
            router.add_api_route(f"{prefix}/api/v2/{{path:path}}", preflight, methods=["OPTIONS"])
            for path, handler in routes.items():
                router.add_api_route(f"{prefix}{path}", handler, methods=["GET", "HEAD"])
        router.add_api_route("/{desk}", self.add_slash, methods=["GET", "HEAD"])
        return router

    async def add_slash(self, request: Request) -> Response:
        """`/<desk>` is `/<desk>/`, so that the page's relative links work."""
        self._cached_page(request)
        return RedirectResponse(f"/{request.path_params['desk']}/", status_code=308)

    async def front(self, request: Request) -> Response:
        """The page; without a desk for this host, the way to the staff's."""
        if "desk" not in request.path_params and self._here(request) is None:
            return RedirectResponse("/staff", status_code=303)
        return self._page(request, "index.html", self._pages.front)

    async def history(self, request: Request) -> Response:
        """Past incidents and maintenances."""
        return self._page(request, "history.html", self._pages.history)

    async def incident(self, request: Request) -> Response:
        """One incident or maintenance with all its updates."""
        cached = self._cached_page(request)
        one = await self._find(request, cached)

        def render(cached: CachedPage, base: str, stale_since: datetime | None) -> bytes:
            return self._pages.incident(one, cached, base, stale_since)

        is_kept = cached.state.incident(one.id) is not None
        return self._page(request, f"incidents/{one.id}.html", render, keep=is_kept)

    async def incident_body(self, request: Request) -> Response:
        """One incident as JSON, flat."""
        cached = self._cached_page(request, CORS)
        one = await self._find(request, cached, CORS)
        name = f"incidents/{one.id}.json"
        is_kept = cached.state.incident(one.id) is not None
        document = cached.document(
            name, lambda: _json(statuspage_v2.incident(one, cached.state)), keep=is_kept
        )
        return self._answer(request, cached, document, "application/json", "api", CORS)

    async def api_guide(self, request: Request) -> Response:
        """What the API offers, for people."""
        return self._page(request, "api.html", self._pages.api_guide)

    async def api(self, request: Request) -> Response:
        """The Statuspage API v2."""
        cached = self._cached_page(request, CORS)
        path = request.path_params["path"]
        if path not in statuspage_v2.PATHS:
            raise HttpProblem(404, "there is no such path in this API", headers=CORS)
        document = cached.document(path, lambda: _json(statuspage_v2.body(path, cached.state)))
        return self._answer(request, cached, document, "application/json", "api", CORS)

    async def atom(self, request: Request) -> Response:
        """Every update as an entry, for feed readers."""
        cached = self._cached_page(request, CORS)
        document = cached.document("history.atom", lambda: feeds.atom(cached.state))
        return self._answer(request, cached, document, "application/atom+xml", "feed", CORS)

    async def rss(self, request: Request) -> Response:
        """Every update as an item, for feed readers."""
        cached = self._cached_page(request, CORS)
        document = cached.document("history.rss", lambda: feeds.rss(cached.state))
        return self._answer(request, cached, document, "application/rss+xml", "feed", CORS)

    def problem_page(
        self, request: Request, problem: HttpProblem
    ) -> tuple[str, Mapping[str, Any]] | None:
        """The layout of an error for the public; None: the page is the staff's."""
        place = request.url.path.split("/")[1]
        if place in STAFF_PLACES:
            return None
        here, base = self._cache.of_desk(place), f"/{place}"
        if here is None:
            here, base = self._cache.of_host(host_of(request.headers.get("host", ""))), ""
        page = here.state.page if here else None
        return "public_problem.html", {"page": page, "base": base}

    # -- finding -----------------------------------------------------------------------------

    def _here(self, request: Request) -> CachedPage | None:
        desk = request.path_params.get("desk")
        if desk is not None:
            return self._cache.of_desk(desk)
        return self._cache.of_host(host_of(request.headers.get("host", "")))

    def _cached_page(
        self, request: Request, headers: Mapping[str, str] | None = None
    ) -> CachedPage:
        cached = self._here(request)
        if cached is None:
            raise HttpProblem(404, "there is no status page here", headers=headers)
        return cached

    async def _find(
        self, request: Request, cached: CachedPage, headers: Mapping[str, str] | None = None
    ) -> Incident:
        """From memory, or for one that is older than what is kept there, from the database."""
        incident_id = request.path_params["incident_id"]
        one = cached.state.incident(incident_id)
        if one is None and _PUBLIC_ID.fullmatch(incident_id):
            one = await self._read(incident_id)
        if one is None or one.desk != cached.state.page.desk:
            raise HttpProblem(404, "there is no such incident", headers=headers)
        return one

    async def _read(self, incident_id: str) -> Incident | None:
        try:
            async with self._reads, self._pool.acquire() as connection:
                return await store.find_incident(connection, incident_id)
        except Exception as error:
            if not is_retriable(error):
                raise
            detail = "older incidents can't be read at the moment; try again in a minute"
            raise HttpProblem(503, detail, headers={"retry-after": "60"}) from error

    # -- answering ---------------------------------------------------------------------------

    def _page(
        self,
        request: Request,
        name: str,
        render: Callable[[CachedPage, str, datetime | None], bytes],
        *,
        keep: bool = True,
    ) -> Response:
        cached = self._cached_page(request)
        desk = request.path_params.get("desk")
        base = f"/{desk}" if desk else ""
        stale_since = self._cache.stale_since
        key = f"{base}|{stale_since}|{name}" if stale_since else f"{base}|{name}"
        document = cached.document(key, lambda: render(cached, base, stale_since), keep=keep)
        return self._answer(request, cached, document, "text/html", "page", {})

    def _answer(
        self,
        request: Request,
        cached: CachedPage,
        document: Document,
        media_type: str,
        kind: str,
        headers: Mapping[str, str],
    ) -> Response:
        stale_since = self._cache.stale_since
        changed_at = cached.state.updated_at
        self._metrics.views.labels(cached.state.page.desk, kind, bool(stale_since)).inc()
        answer_headers = {
            **headers,
            "cache-control": CACHING,
            "etag": document.etag,
            "last-modified": _http_date(stale_since or changed_at),
        }
        if stale_since is not None:
            answer_headers["pledge-stale-since"] = _http_date(stale_since)
        if is_unchanged(request, document.etag, stale_since or changed_at):
            return Response(status_code=304, headers=answer_headers)
        return Response(
            document.body, media_type=f"{media_type}; charset=utf-8", headers=answer_headers
        )


def host_of(header: str) -> str | None:
    """The host name in a Host header, without its port; None where there is none to read."""
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:  # a bracket without its other half
        return None


async def preflight() -> Response:
    """The answer to a CORS preflight request."""
    allowed = {
        "access-control-allow-methods": "GET, HEAD",
        "access-control-allow-headers": "*",
        "access-control-max-age": "86400",
    }
    return Response(status_code=204, headers={**CORS, **allowed})


def is_unchanged(request: Request, etag: str, changed_at: datetime) -> bool:
    """Whether the client has this already (RFC 9110 §13.2.2: the ETag decides if it sent one)."""
    given = request.headers.get("if-none-match")
    if given is not None:
        known = [one.strip().removeprefix("W/") for one in given.split(",")]
        return etag in known or "*" in known
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        known_at = parsedate_to_datetime(since)
    except (ValueError, OverflowError):
        return False
    if known_at.tzinfo is None:
        known_at = known_at.replace(tzinfo=UTC)
    return changed_at.replace(microsecond=0) <= known_at


def _http_date(instant: datetime) -> str:
    return format_datetime(instant.astimezone(UTC), usegmt=True)


def _json(body: statuspage_v2.Json) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
