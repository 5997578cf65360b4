"""The HTTP side of a service: one application with the same habits in all four."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from fastapi.telemetry import TelemetryConfig
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from pledge.runtime.auth.access import Access
from pledge.runtime.auth.oidc.sign_in import OidcSignIn
from pledge.runtime.clock import Clock
from pledge.runtime.http import problems
from pledge.runtime.http.middleware import AroundRequests, BoundedBodies
from pledge.runtime.http.problems import FieldProblem, HttpProblem, ProblemDetails
from pledge.runtime.http.server import CannotListen, HttpServer
from pledge.runtime.http.web import Web
from pledge.runtime.http.web.oidc_sign_in import OidcPages
from pledge.runtime.http.web.sign_in import sign_in_router
from pledge.runtime.ids import Ids
from pledge.runtime.observability import logs
from pledge.runtime.observability.health import Check, Finding, Health
from pledge.runtime.observability.metrics import RuntimeMetrics

__all__ = [
    "CannotListen",
    "Check",
    "FieldProblem",
    "Health",
    "HttpProblem",
    "HttpServer",
    "create_app",
]

MAX_BODY = 1024 * 1024
# Spans and series are the runtime's own, the same for HTTP as for every other hop.
_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


def create_app(
    *,
    service: str,
    health: Health,
    access: Access,
    web: Web,
    metrics: RuntimeMetrics,
    clock: Clock,
    ids: Ids,
    routers: Sequence[APIRouter] = (),
    max_body: int = MAX_BODY,
    body_limits: Mapping[str, int] | None = None,
    sign_in: OidcSignIn | None = None,
    upload_limits: Mapping[str, int] | None = None,
) -> FastAPI:
    """The application of `service`, with `routers` and what every service has.

    That is /livez, /readyz, /startupz, /metrics, /openapi.json, sign-in, errors as problems,
    security headers, request ids, access log and traces. Bodies are at most `max_body` bytes, or
    what `body_limits` says for paths that start with its keys, or for forms with files
    `upload_limits`. People sign in by `sign_in`, or else with a token. Handlers and dependencies
    find `access`, `web` and `clock` in `request.app.state`.
    """
    app = FastAPI(
        title=f"Pledge {service}",
        version="1",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        responses=problems.PROBLEM_RESPONSES,
        telemetry=_NO_TELEMETRY,
    )
    app.state.access, app.state.web, app.state.clock = access, web, clock
    problems.install(app)
    app.add_middleware(
        BoundedBodies,
        largest=max_body,
        by_prefix=body_limits or {},
        uploads_by_prefix=upload_limits or {},
    )
    app.add_middleware(
        AroundRequests, clock=clock, ids=ids, metrics=metrics, is_secure=web.is_secure
    )
    app.include_router(_probes(service, health, metrics))
    app.include_router(web.router)
    signing_in = OidcPages(web, sign_in).router if sign_in else sign_in_router(web, clock)
    app.include_router(signing_in, include_in_schema=False)
    for router in routers:
        app.include_router(router)
    _describe_problems(app)
    return app


def _describe_problems(app: FastAPI) -> None:
    """Put the schema that every error answer refers to into the OpenAPI document."""
    generate = app.openapi

    def with_problem() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault(
            "ProblemDetails",
            ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}"),
        )
        return document

    # The way FastAPI's documentation gives for extending the document.
    setattr(app, "openapi", with_problem)  # noqa: B010


def _probes(service: str, health: Health, metrics: RuntimeMetrics) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> Response:
        return _findings(service, health.alive())

    @router.get("/readyz")
    async def readyz() -> Response:
        return _findings(service, await health.ready())

    @router.get("/startupz")
    async def startupz() -> Response:
        reason = None if health.has_started else "the service is still starting"
        return _findings(service, [Finding("started", reason)])

    @router.get("/metrics")
    async def series() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _findings(service: str, findings: Sequence[Finding]) -> Response:
    is_well = all(finding.is_well for finding in findings)
    body = {
        "service": service,
        "status": "ok" if is_well else "failing",
        "checks": [
            {"name": one.name, "ok": True}
            if one.reason is None
            # Probes need no token: their text must hold no secret.
            else {"name": one.name, "ok": False, "reason": logs.clean(one.reason)}
            for one in findings
        ],
    }
    return JSONResponse(body, status_code=200 if is_well else 503)
