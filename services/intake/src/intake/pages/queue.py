"""The agents' queue: what is due next, in views and filters, found by words, handled in bulk."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final, get_args
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response

from intake.application.agent_actions import AgentActions
from intake.application.queue_reader import CURSORS, QueuePage, QueueReader
from intake.domain.command_fields import Channel
from intake.domain.command_registry import FINISHED, State
from intake.domain.desk import Desks
from intake.pages.form_values import body_of
from intake.pages.live_queue import LiveQueue
from intake.schemas import CommandBody
from intake.storage.queue import Sort, View, Wanted
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.clock import Clock
from pledge.runtime.cursors import BadCursor
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.web import Web
from pledge.runtime.http.web.static_files import StaticFiles
from pledge.runtime.ids import Ids
from pledge.runtime.instants import utc_text

Reader = Annotated[Principal, Depends(require(Role.READER))]
Agent = Annotated[Principal, Depends(require(Role.AGENT))]

PAGE_SIZE: Final = 50
MOST_AT_ONCE: Final = 100
"""Tickets of one bulk action, which are done one after the other while the agent waits."""
UNFINISHED: Final = "unfinished"
EVERY: Final = "all"
_STATES: Final = (UNFINISHED, EVERY, *(each.value for each in State))
BULK: Final = ("assign", "triage", "resolve", "close", "merge")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address of the page says: it can be kept, and sent to somebody."""

    view: View = View.ALL
    desk: str = ""
    state: str = UNFINISHED
    severity: str = ""
    channel: str = ""
    customer: str = ""
    assignee: str = ""
    team: str = ""
    q: str = ""
    sort: Sort | None = None
    cursor: str = ""

    def address(self, path: str = "/", **changes: Any) -> str:
        """The address of the page with these changes, from its beginning unless they name a
        cursor; what is as usual is left out."""
        usual = {each.name: each.default for each in fields(Chosen)}
        said = {**asdict(self), "cursor": "", **changes}
        query = {
            name: str(value) for name, value in said.items() if value not in (usual[name], None)
        }
        return f"{path}?{urlencode(query)}" if query else path

    @property
    def order(self) -> Sort:
        """What comes first. What is finished is due no more; of what matches, the newest."""
        is_unfinished = self.state not in {EVERY, *(each.value for each in FINISHED)}
        if not is_unfinished and self.sort in {None, Sort.DUE}:
            return Sort.NEWEST
        return self.sort or (Sort.NEWEST if self.q.strip() else Sort.DUE)

    def wanted(self, principal: Principal) -> Wanted:
        """What is to be read. Raises HttpProblem for what can't be."""
        if self.state not in _STATES:
            raise HttpProblem(422, f"no state is called {self.state}; one of: {', '.join(_STATES)}")
        try:
            after = CURSORS.decode(self.cursor) if self.cursor else None
        except BadCursor as error:
            raise HttpProblem(422, f"the cursor is of no use: {error}") from error
        states = {UNFINISHED: None, EVERY: ()}.get(self.state, (self.state,))
        desks = principal.only(frozenset((self.desk,))) if self.desk else principal.desks
        return Wanted(
            desks, principal.subject, self.view, states, self.severity, self.channel,
            self.customer, self.assignee, self.team, self.q, self.order, after, PAGE_SIZE,
        )  # fmt: skip


_Word = Annotated[str, Query(max_length=200)]


async def _chosen(
    view: View = View.ALL,
    desk: _Word = "",
    state: _Word = UNFINISHED,
    severity: _Word = "",
    channel: _Word = "",
    customer: _Word = "",
    assignee: _Word = "",
    team: _Word = "",
    q: _Word = "",
    sort: _Word = "",
    cursor: Annotated[str, Query(max_length=500)] = "",
) -> Chosen:
    if sort not in {"", *Sort}:
        raise HttpProblem(422, f"nothing is sorted by {sort}; one of: {', '.join(Sort)}")
    order = Sort(sort) if sort else None
    state = state or UNFINISHED
    return Chosen(view, desk, state, severity, channel, customer, assignee, team, q, order, cursor)


Filters = Annotated[Chosen, Depends(_chosen)]


class QueuePages:
    """The routes of the queue."""

    def __init__(
        self,
        web: Web,
        reader: QueueReader,
        actions: AgentActions,
        desks: Desks,
        live: LiveQueue,
        *,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._web, self._reader, self._actions = web, reader, actions
        self._desks, self._live, self._clock, self._ids = desks, live, clock, ids
        own_files = StaticFiles(Path(__file__).parent / "static", "/own")
        web.environment.globals["own_file"] = own_files.address
        self.router = APIRouter(include_in_schema=False)
        self.router.include_router(own_files.router)
        add = self.router.add_api_route
        add("/", self.page, methods=["GET"])
        add("/queue/rows", self.rows, methods=["GET"])
        add("/queue/changes", self.changes, methods=["GET"], response_model=None)
        add("/queue/bulk", self.bulk, methods=["POST"])

    async def page(self, request: Request, principal: Reader, chosen: Filters) -> Response:
        """The queue with its views, filters and what can be done with several tickets."""
        found = await self._reader.page(principal, chosen.wanted(principal))
        may_act = principal.has(Role.AGENT)
        return self._web.page(
            request,
            "tickets.html",
            **self._shown(found, chosen, may_act=may_act),
            **self._choices(principal),
            people=await self._reader.people(principal.only(frozenset(self._desks.by_id))),
            key=self._ids.token(12),
            now_text=utc_text(self._clock.now()),
        )

    async def rows(self, principal: Reader, chosen: Filters) -> Response:
        """The changing part, for the page to put in place of what it shows."""
        found = await self._reader.page(principal, chosen.wanted(principal))
        may_act = principal.has(Role.AGENT)
        template = self._web.environment.get_template("queue_list.html")
        now = self._clock.now()
        html = template.render(now=now, **self._shown(found, chosen, may_act=may_act))
        # The page counts down by this clock: the browser's may be wrong.
        return HTMLResponse(html, headers={"x-pledge-now": utc_text(now)})

    async def changes(self, principal: Reader) -> Response:
        """Server-sent events: `changed` when something did on one of the user's desks."""
        return self._live.response(principal)

    async def bulk(self, request: Request, principal: Agent) -> Response:
        """Do one thing with all tickets that were selected; each that refuses says why. The form's
        key makes a second sending of it the same request."""
        form = await request.form()
        action, key = str(form.get("action", "")), str(form.get("key", ""))[:100]
        refs = list(dict.fromkeys(str(each) for each in form.getlist("ticket")))
        if action not in BULK:
            raise HttpProblem(422, f"what to do? One of: {', '.join(BULK)}")
        if not 0 < len(refs) <= MOST_AT_ONCE:
            raise HttpProblem(422, f"select at least one ticket, and {MOST_AT_ONCE} at most")
        given = {
            name.removeprefix(f"{action}.")
            for name in form
            if name.startswith(f"{action}.") and form[name]
        }
        body = body_of(action, {name: form[f"{action}.{name}"] for name in given})
        done, refused = [], []
        for ref in refs:
            try:
                done.append(await self._act(ref, principal, body, key))
            except HttpProblem as problem:
                refused.append((ref, await self._number(ref, principal), problem.detail))
        return self._web.page(
            request,
            "bulk.html",
            action=action,
            done=done,
            refused=refused,
            back=_own_address(str(form.get("back", "/"))),
        )

    async def _act(
        self, ref: str, principal: Principal, body: CommandBody, key: str
    ) -> tuple[UUID, str]:
        ticket = await self._actions.tickets.find(ref, principal)
        await self._actions.act(ref, principal, body, key or None)
        return ticket.id, ticket.number

    async def _number(self, ref: str, principal: Principal) -> str:
        try:
            return (await self._actions.tickets.find(ref, principal)).number
        except HttpProblem:
            return "a ticket that there is not"

    def _shown(self, found: QueuePage, chosen: Chosen, *, may_act: bool) -> dict[str, Any]:
        following = found.following and chosen.address(cursor=found.following)
        return {
            "rows": found.rows,
            "following": following,
            "counts": found.counts,
            "is_filled": found.is_filled,
            "views": list(View),
            "chosen": chosen,
            "may_act": may_act,
            "utc_text": utc_text,
            "zones": {each.id: each.zone for each in self._desks.by_id.values()},
        }

    def _choices(self, principal: Principal) -> dict[str, Any]:
        known = self._desks.by_id
        own = sorted(principal.only(frozenset(known)))
        return {
            "desks": own,
            "states": _STATES,
            "sorts": list(Sort),
            "channels": get_args(Channel),
            "severities": list(
                dict.fromkeys(one for each in own for one in known[each].severities)
            ),
            "teams": list(dict.fromkeys(one.name for each in own for one in known[each].teams)),
        }


def _own_address(address: str) -> str:
    """The page to go back to: the queue as it was, and nothing elsewhere."""
    return address if address == "/" or address.startswith("/?") else "/"
