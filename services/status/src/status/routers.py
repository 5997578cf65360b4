"""Everything the service answers over HTTP, in the order in which paths are tried."""

from collections.abc import Mapping

import asyncpg
from fastapi import APIRouter

from pledge.runtime.http.web import Web
from pledge.runtime.ids import Ids
from status.api.staff import StaffApi
from status.application.incident_commands import IncidentCommands
from status.application.page_cache import PageCache
from status.domain.desk import Policy
from status.metrics import StatusMetrics
from status.pages.staff import StaffPages
from status.public.render import Pages
from status.public.site import PublicSite


def routers(
    cache: PageCache,
    commands: IncidentCommands,
    pool: asyncpg.Pool,
    policies: Mapping[str, Policy],
    web: Web,
    ids: Ids,
    metrics: StatusMetrics,
) -> list[APIRouter]:
    """The staff's API and pages, then the public's, whose `/<desk>` takes what is left."""
    pages = Pages(web, {desk: policy.update_within for desk, policy in policies.items()})
    site = PublicSite(cache, pages, pool, metrics)
    web.problem_page = site.problem_page
    return [
        StaffApi(commands, cache, pool, ids).router(),
        StaffPages(commands, cache, pool, web, ids).router(),
        site.router(),
    ]
