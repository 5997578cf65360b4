"""The policies of all desks: the ones in force, and those that older tickets were opened under."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import asyncpg
import structlog

from pledge.runtime.yamlfile import Problem
from sla.domain.policy import Policy
from sla.policy import check_desk_file, load, parse
from sla.tickets import Ticket

FILE_NAME = "sla.yaml"

_NEWEST = """
SELECT DISTINCT ON (desk) desk, version FROM policy_versions ORDER BY desk, effective_from DESC
"""
_ADD = """
INSERT INTO policy_versions (desk, effective_from, version, content) VALUES ($1, $2, $3, $4)
ON CONFLICT (desk, effective_from) DO NOTHING
"""
_FETCH = """
SELECT DISTINCT ON (desk, version) desk, version, content
FROM policy_versions
JOIN unnest($1::text[], $2::text[]) AS wanted(desk, version) USING (desk, version)
ORDER BY desk, version, effective_from
"""

log = structlog.get_logger()


class BrokenPolicy(Exception):
    """A desk's file can't be used; every problem is named with its file, line and column."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"a desk's promises can't be read:\n{lines}")


class UnknownVersion(Exception):
    """A ticket names a policy version that the database does not have."""


class Policies:
    """Every policy that a ticket may be under, by desk and version."""

    def __init__(self) -> None:
        self._current: dict[str, Policy] = {}
        self._contents: dict[str, str] = {}
        self._by_version: dict[tuple[str, str], Policy] = {}

    @property
    def desks(self) -> frozenset[str]:
        """The desks that have a policy now."""
        return frozenset(self._current)

    def current(self, desk: str) -> Policy | None:
        """The policy for tickets of `desk` opened now; None when it promises nothing."""
        return self._current.get(desk)

    def of(self, ticket: Ticket) -> Policy | None:
        """The policy that the ticket keeps; `fetch` must have been given the ticket before."""
        if ticket.policy_version is None:
            return None
        return self._by_version[ticket.desk, ticket.policy_version]

    def add(self, policy: Policy, content: str) -> None:
        """Put `policy`, read from `content`, in force for its desk."""
        self._current[policy.desk] = policy
        self._contents[policy.desk] = content
        self._by_version[policy.desk, policy.version] = policy

    async def record(self, connection: asyncpg.Connection, now: datetime) -> None:
        """Enter the versions that are in force and new to the database, as of `now`."""
        newest = {row["desk"]: row["version"] for row in await connection.fetch(_NEWEST)}
        for desk, policy in sorted(self._current.items()):
            if newest.get(desk) != policy.version:
                await connection.execute(_ADD, desk, now, policy.version, self._contents[desk])
                log.info("policy version in force", desk=desk, version=policy.version)

    async def fetch(self, connection: asyncpg.Connection, tickets: Iterable[Ticket]) -> None:
        """Have the policies of `tickets` at hand. Raises UnknownVersion, BrokenPolicy."""
        wanted = {
            (ticket.desk, ticket.policy_version)
            for ticket in tickets
            if ticket.policy_version is not None
        } - self._by_version.keys()
        if not wanted:
            return
        rows = await connection.fetch(_FETCH, *map(list, zip(*wanted, strict=True)))
        for row in rows:
            self._by_version[row["desk"], row["version"]] = _compile(row["desk"], row["content"])
        if missing := wanted - self._by_version.keys():
            raise UnknownVersion(f"policy_versions lacks {sorted(missing)}")


def load_policies(desks: Path) -> Policies:
    """The policies of every desk in the folder `desks` that has promises.

    Raises BrokenPolicy with all problems of all files.
    """
    policies = Policies()
    problems: list[Problem] = []
    for path in sorted(desks.glob(f"*/{FILE_NAME}")):
        found = [each for each in check_desk_file(path) if each.severity == "error"]
        problems += found
        if not found:
            policies.add(load(path), path.read_text(encoding="utf-8"))
    if problems:
        raise BrokenPolicy(problems)
    return policies


def _compile(desk: str, content: str) -> Policy:
    """A policy from its text as the database keeps it."""
    return parse(content, Path(desk) / FILE_NAME)
