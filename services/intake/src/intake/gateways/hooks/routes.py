"""The addresses of hooks: /hooks/<desk>/<hook>, and below it the steps of a call.

The address alone chooses the secret. A request is answered 2xx once Kafka has what it brings,
within the provider's patience, else 503, so that it is sent again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response

from intake.domain.desk import Desk
from intake.domain.hooks import Hook
from intake.gateways.hooks.keys import HookKeys
from intake.gateways.hooks.providers import PROVIDERS
from intake.gateways.hooks.request import (
    HookContext,
    HookRequest,
    NotSigned,
    Provider,
    Taken,
    Unreadable,
)
from intake.metrics import IntakeMetrics
from pledge.events import ChannelEvent
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem

RETRY_AFTER = {"retry-after": "5"}
log = structlog.get_logger()


class HookGateway:
    """Takes what providers send, each request to exactly one end."""

    def __init__(
        self,
        desks: Mapping[str, Desk],
        keys: HookKeys,
        publish: Callable[[ChannelEvent], Awaitable[object]],
        *,
        public_url: str | None,
        max_bytes: int,
        clock: Clock,
        metrics: IntakeMetrics,
    ) -> None:
        self._desks = desks
        self._keys = keys
        self._publish_event = publish
        self._public_url = public_url
        self._max_bytes = max_bytes
        self._clock = clock
        self._metrics = metrics
        # Providers know these addresses from the desk's file: they are no part of the API.
        self.router = APIRouter(include_in_schema=False)
        add = self.router.add_api_route
        add("/hooks/{desk}/{hook}", self.take, methods=["POST"])
        add("/hooks/{desk}/{hook}/{step}", self.take, methods=["POST"])

    async def take(self, request: Request, desk: str, hook: str, step: str = "") -> Response:
        """Take one request of a provider."""
        known = self._desks.get(desk)
        found = known.hooks.get(hook) if known else None
        if known is None or found is None:
            raise HttpProblem(404, "there is no such hook")
        end = "failed"
        try:
            taken = await self._taken(request, known, found, step)
            end = taken.end
        except NotSigned as error:
            end = f"refused_{error.reason}"
            log.warning("hook_request_refused", desk=desk, hook=hook, reason=error.reason)
            raise HttpProblem(401, "this is not signed with a secret of the hook") from error
        except Unreadable as error:
            end = "unreadable"
            log.warning("hook_request_unreadable", desk=desk, hook=hook, detail=str(error))
            raise HttpProblem(400, str(error)) from error
        except HttpProblem as error:
            end = {503: "deferred", 413: "too_large"}.get(error.status, "unreadable")
            raise
        finally:
            self._metrics.hooked(desk, hook, end)
        return Response(taken.answer.content, media_type=taken.answer.media_type)

    async def _taken(self, request: Request, desk: Desk, hook: Hook, step: str) -> Taken:
        provider = PROVIDERS[hook.kind]
        secrets = self._keys.of(desk.id, hook.name)
        if not secrets or (provider.needs_public_url and self._public_url is None):
            detail = "this hook is closed: its secret or our public address is not set"
            raise HttpProblem(503, detail, headers=RETRY_AFTER)
        body = await request.body()
        if len(body) > self._max_bytes:
            raise HttpProblem(413, f"a hook takes at most {self._max_bytes} bytes")
        query = request.url.query
        base = self._public_url or ""
        received = HookRequest(
            url=f"{base}{request.url.path}{f'?{query}' if query else ''}",
            headers=request.headers,
            query=query,
            body=body,
            step=step,
            now=self._clock.now(),
        )
        provider.verify(received, secrets)
        url = f"{base}/hooks/{desk.id}/{hook.name}"
        taken = provider.read(received, HookContext(desk, hook, url, received.now))
        await self._publish(taken, provider)
        return taken

    async def _publish(self, taken: Taken, provider: Provider) -> None:
        """Publish each event. Of those that a request brings, some may be on Kafka when it fails:
        sent again, they are known by their keys."""
        try:
            async with asyncio.timeout(provider.answers_within.total_seconds()):
                for event in taken.events:
                    await self._publish_event(event)
        except TimeoutError as error:
            detail = "deliveries can't be taken at the moment; send it again later"
            raise HttpProblem(503, detail, headers=RETRY_AFTER) from error
