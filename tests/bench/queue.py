"""The agents' queue and the search over a hundred thousand tickets, as a browser asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import httpx

from bench.report import Row, latency
from bench.rig import CLOCK, Child, Rig, ready
from bench.say import say
from pledge.runtime.auth import signing
from pledge.runtime.ids import SystemIds

TICKETS = 100_000
ROUNDS = 15
LIMIT = 100
WORDS = (
    "server", "mail", "full", "disk", "login", "error", "password", "printer", "network", "slow",
    "invoice", "backup", "restore", "cluster", "database", "timeout", "certificate", "office",
    "vpn", "laptop", "screen", "update", "install", "licence", "folder", "shared", "access",
)  # fmt: skip
# What agents look at: the views, filters that few and many fulfil, another order, another page.
PAGES = (
    "/", "/?view=mine", "/?view=unassigned", "/?view=breached", "/?view=waiting", "/?severity=p1",
    "/?severity=none", "/?customer=c77", "/?assignee=a3", "/?sort=newest", "/?state=all",
    "/?state=closed",
)  # fmt: skip
# Words that all tickets have, that many have, that one has, and none; an address and a number.
SEARCHES = (
    "/?q=subject", "/?q=server+mail", "/?q=ser", "/?q=person+4711", "/?q=nosuchword",
    "/?q=p77@x.example", "/?q=B-4181", "/?q=server&view=breached", "/?q=disk&severity=p2&sort=due",
    "/tickets?q=server", "/tickets?q=person+99&state=open",
)  # fmt: skip

SEED = (
    """
    INSERT INTO tickets (id, desk, number, state, severity, channel, subject_line, requester,
        opened_at, changed_at, sequence, details)
    SELECT lpad(to_hex(n), 32, '0')::uuid, 'bench', 'B-' || n,
        CASE n % 5 WHEN 0 THEN 'closed' WHEN 1 THEN 'waiting_on_customer' ELSE 'open' END,
        'p' || 1 + n % 3, 'email', 'Subject ' || n, 'p' || n % 5000 || '@x.example', now(), now(),
        1,
        jsonb_build_object('requester', jsonb_build_object('name', 'Person ' || n),
            'customer', 'c' || n % 3000)
        || CASE WHEN n % 3 = 0 THEN jsonb_build_object('assignee',
            jsonb_build_object('kind', 'agent', 'id', 'a' || n % 40)) ELSE '{{}}' END
    FROM generate_series(1, {rows}) AS n
    """,
    "INSERT INTO ticket_numbers VALUES ('bench', {rows})",
    """
    INSERT INTO facts
    SELECT id, 1, '', 'pledge.ticket.opened.v1', now(), json_build_object(
        'ticket_number', number, 'subject_line', subject_line,
        'requester', json_build_object('name', 'Person ' || split_part(number, '-', 2),
            'email', requester),
        'text', (SELECT string_agg((ARRAY[{words}])[1 + (hashtext(id::text || i) & 1023) % {count}]
            || CASE WHEN i % 2 = 0 THEN (hashtext(id::text || i) & 16383)::text ELSE '' END, ' ')
            FROM generate_series(1, 60) AS i))
    FROM tickets
    """,
    """
    INSERT INTO ticket_promises (ticket_id, metric, cycle, desk, timer_state, target, due_at,
        policy_version, as_of, timer_sequence, breached_at)
    SELECT id, metric, 1, desk, 'running', '2 hours',
        now() + hashtext(id::text || metric) % 100000 * interval '1 second', 'v', now(), 1,
        CASE WHEN hashtext(id::text || metric) % 17 = 0 THEN now() END
    FROM tickets CROSS JOIN unnest(ARRAY['first_response', 'resolution']) AS metric
    """,
)


async def queue(rig: Rig) -> list[Row]:
    """How long a page takes, from the request to its last byte; the floor is the bare statement
    that reads as many tickets by their key."""
    kafka, name = await rig.kafka(), await rig.database("intake")
    await _seed(rig, name)
    environment = rig.environment(kafka, {"intake": name})
    with rig.process("intake", environment) as child:
        port = environment["PLEDGE_INTAKE_HTTP_PORT"]
        await ready(child, port)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            cookies={"pledge_session": _token(rig)},
            headers={"accept": "text/html"},
            timeout=30,
            trust_env=False,
        ) as client:
            await _measure(rig, child, client, [*PAGES, *SEARCHES], rounds=2)  # to be warm
            pages = await _measure(rig, child, client, PAGES)
            searches = await _measure(rig, child, client, SEARCHES)
    floor = await _floor(rig, name)
    rows = []
    for what, took in (("queue_page", pages), ("queue_search", searches)):
        for share, at in (("p50", 0.5), ("p99", 0.99)):
            rows.append(latency(f"{what}_{share}", _at(took, at), _at(floor, at), at_most=LIMIT))
    return rows


def _token(rig: Rig) -> str:
    return signing.sign(
        rig.folder / "token.key",
        subject="a6",
        desks=["bench"],
        roles=["agent"],
        now=CLOCK.now(),
        lasts=timedelta(hours=1),
        ids=SystemIds(CLOCK),
    )


async def _measure(
    rig: Rig, child: Child, client: httpx.AsyncClient, paths: Sequence[str], rounds: int = ROUNDS
) -> list[float]:
    took, slowest = [], (0.0, "")
    spent = {"database": rig.seconds()["database"], "itself": child.seconds()}
    for _ in range(rounds):
        for path in paths:
            began = CLOCK.monotonic()
            answer = await client.get(path)
            took.append((CLOCK.monotonic() - began) * 1000)
            if answer.status_code != 200:
                raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:300]}")
            slowest = max(slowest, (took[-1], path))
    now = {"database": rig.seconds()["database"], "itself": child.seconds()}
    each = ", ".join(f"{who} {(now[who] - spent[who]) / len(took) * 1e3:.1f}" for who in now)
    wall = f"p50 {_at(took, 0.5):.1f}, p99 {_at(took, 0.99):.1f}"
    say(f"{len(took)} requests: ms {wall}; of processor each: {each}; slowest {slowest[1]}")
    return took


def _at(took: Sequence[float], share: float) -> float:
    return sorted(took)[min(len(took) - 1, int(len(took) * share))]


async def _floor(rig: Rig, name: str) -> list[float]:
    connection = await asyncpg.connect(rig.server.dsn(name, "intake"))
    took = []
    try:
        for _ in range(ROUNDS * len(PAGES)):
            began = CLOCK.monotonic()
            await connection.fetch("SELECT * FROM tickets ORDER BY id DESC LIMIT 51")
            took.append((CLOCK.monotonic() - began) * 1000)
            await CLOCK.sleep(timedelta(milliseconds=1))
    finally:
        await connection.close()
    return took


async def _seed(rig: Rig, name: str) -> None:
    owner = await asyncpg.connect(rig.server.dsn(name, "intake_owner"))
    words = ", ".join(f"'{each}'" for each in WORDS)
    try:
        await owner.execute("SET synchronous_commit = off; SET work_mem = '64MB'")
        for statement in SEED:
            await owner.execute(
                statement.format(rows=TICKETS, words=words, count=len(WORDS)), timeout=600
            )
        await owner.execute("VACUUM (ANALYZE)", timeout=600)
    finally:
        await owner.close()
