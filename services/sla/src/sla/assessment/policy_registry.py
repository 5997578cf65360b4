"""The policies of all desks: the ones in force, and those that older tickets were opened under."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

import asyncpg
import structlog

from pledge.runtime.desk_file.load import load_each
from pledge.runtime.desk_file.problem import DeskFileError
from sla.desk_file.read import FILE_NAME, load_desk, parse_stored
from sla.domain.policy.policy import Policy
from sla.domain.policy.rules import VersionScope
from sla.domain.policy_versions import PastVersion, VersionedAssessment, assess_versions
from sla.storage import policy_versions
from sla.storage.policy_versions import Version
from sla.storage.ticket_cache import Ticket

log = structlog.get_logger()


class UnknownVersion(Exception):
    """A ticket names a policy version that the database does not have."""


class Policies:
    """Every policy that a ticket may be under, by desk and version."""

    def __init__(self) -> None:
        self._current: dict[str, tuple[Policy, str]] = {}
        self._history: dict[str, list[Version]] = {}
        self._by_version: dict[tuple[str, str], Policy] = {}
        # The version that open tickets of a desk were put under last, by order.
        self._applied: dict[str, str] = {}

    @property
    def desks(self) -> frozenset[str]:
        """The desks that have a policy file."""
        return frozenset(self._current)

    def add(self, policy: Policy, content: str) -> None:
        """Put `policy`, read from the file `content`, in force for its desk."""
        self._current[policy.desk] = policy, content
        self._by_version[policy.desk, policy.version] = policy

    def history(self, desk: str) -> list[Version]:
        """The versions of a desk's policy, oldest first."""
        return list(self._history.get(desk, ()))

    def for_opening(self, desk: str, at: datetime) -> Policy | None:
        """The policy for a ticket of `desk` opened at `at`; None when the desk promises nothing.

        What was opened before the first version is under the first. What is read only after a
        version was applied to open tickets is under that one, or a later.
        """
        if desk not in self._current:
            return None
        versions = self._history.get(desk)
        if not versions:
            return self._current[desk][0]
        place = max(0, bisect_right(versions, at, key=lambda each: each.effective_from) - 1)
        applied = self._applied.get(desk)
        if applied is not None:
            later = (each.version for each in reversed(versions[place + 1 :]))
            if applied in later:
                return self._by_version[desk, applied]
        return self._by_version[desk, versions[place].version]

    def unapplied(self, now: datetime) -> list[Policy]:
        """The policies in force that are for open tickets too, and were not applied to them."""
        found = []
        for desk in sorted(self._current):
            policy = self.for_opening(desk, now)
            is_first = len(self._history.get(desk, ())) < 2
            if (
                policy is not None
                and not is_first
                and policy.applies_to is VersionScope.OPEN
                and self._applied.get(desk) != policy.version
            ):
                found.append(policy)
        return found

    def of(self, ticket: Ticket) -> Policy | None:
        """The policy that the ticket is under; `fetch` must have been given the ticket before."""
        return self._named(ticket.desk, ticket.policy_version)

    def past(self, ticket: Ticket) -> list[PastVersion]:
        """The versions the ticket was under before; `fetch` must have been given the ticket."""
        return [
            PastVersion(each, self._named(ticket.desk, each.version)) for each in ticket.earlier
        ]

    def versioned(self, ticket: Ticket) -> VersionedAssessment | None:
        """The ticket assessed under its versions; None when its desk promised nothing."""
        policy = self.of(ticket)
        return None if policy is None else assess_versions(ticket.facts, policy, self.past(ticket))

    def in_force(self, desk: str, at: datetime) -> Policy | None:
        """The version that was in force at `at`, whatever was applied to open tickets since."""
        versions = self._history.get(desk)
        if not versions:
            return self._current[desk][0] if desk in self._current else None
        place = max(0, bisect_right(versions, at, key=lambda each: each.effective_from) - 1)
        return self._by_version.get((desk, versions[place].version))

    def in_force_between(self, desk: str, since: datetime, until: datetime) -> list[Policy]:
        """The versions that were in force between two instants, oldest first."""
        starts = (each.effective_from for each in self._history.get(desk, ()))
        asked = [since, *(at for at in starts if since < at <= until)]
        found = (self.in_force(desk, at) for at in asked)
        return [policy for policy in found if policy is not None]

    def version(self, desk: str, version: str) -> Policy:
        """A version that `ensure` was asked for before."""
        return self._by_version[desk, version]

    def _named(self, desk: str, version: str | None) -> Policy | None:
        return None if version is None else self._by_version[desk, version]

    async def record(self, connection: asyncpg.Connection, now: datetime) -> None:
        """Insert the files' versions that are new to the database, and load all earlier ones.

        A version holds from its own `effective_from` where that lies ahead (or it is the desk's
        first), else from `now`; it supersedes what was planned for later. Raises DeskFileError.
        """
        async with connection.transaction():
            await policy_versions.lock(connection)
            self._learn(await policy_versions.all_versions(connection))
            self._applied = await policy_versions.applied_versions(connection)
            for desk, (policy, content) in sorted(self._current.items()):
                await self._enter(connection, policy, content, now)
                log.info("policy_in_force", desk=desk, version=policy.version)
            self._learn(await policy_versions.all_versions(connection))
        for policy in self.unapplied(now):
            log.warning(
                "policy_for_open_tickets_not_applied",
                desk=policy.desk,
                version=policy.version,
                to_do=f"pledge sla policy apply <folder of {policy.desk}>",
            )

    async def learn(self, connection: asyncpg.Connection) -> None:
        """Read which versions were applied to open tickets, by this or another process."""
        applied = await policy_versions.applied_versions(connection)
        if applied != self._applied:
            self._learn(await policy_versions.all_versions(connection))
            self._applied = applied

    async def _enter(
        self, connection: asyncpg.Connection, policy: Policy, content: str, now: datetime
    ) -> None:
        earlier = self._history.get(policy.desk, [])
        if earlier and earlier[-1].version == policy.version:
            return
        asked = policy.effective_from
        is_ahead = asked is not None and (asked > now or not earlier)
        starts = asked if asked is not None and is_ahead else now
        if earlier:
            await policy_versions.supersede(connection, policy.desk, starts)
        await policy_versions.insert(connection, policy.desk, starts, policy.version, content)

    def _learn(self, versions: Iterable[Version]) -> None:
        self._history = {}
        for version in versions:
            if not version.is_superseded:
                self._history.setdefault(version.desk, []).append(version)
            self._compile(version.desk, version.version, version.content)

    async def fetch(self, connection: asyncpg.Connection, tickets: Collection[Ticket]) -> None:
        """Load the policies of `tickets`, also those that another process has inserted.

        Raises UnknownVersion, DeskFileError.
        """
        named = {(ticket.desk, ticket.policy_version) for ticket in tickets}
        named |= {
            (ticket.desk, each.version)
            for ticket in tickets
            if ticket.earlier
            for each in ticket.earlier
        }
        await self.ensure(connection, named)

    async def ensure(
        self, connection: asyncpg.Connection, named: Iterable[tuple[str, str | None]]
    ) -> None:
        """Load these versions, as (desk, version). Raises UnknownVersion, DeskFileError."""
        wanted = {(desk, version) for desk, version in named if version is not None}
        wanted -= self._by_version.keys()
        if not wanted:
            return
        found = await policy_versions.contents(connection, wanted)
        for (desk, version), content in found.items():
            self._compile(desk, version, content)
        if missing := wanted - self._by_version.keys():
            raise UnknownVersion(f"policy_versions lacks {sorted(missing)}")

    def _compile(self, desk: str, version: str, content: str) -> None:
        """Make a policy from its text as the database keeps it. Raises DeskFileError.

        Whatever was once in force must stay readable: open tickets keep it.
        """
        if (desk, version) in self._by_version:
            return
        policy = parse_stored(content, Path(desk) / f"{version}-{FILE_NAME}")
        self._by_version[desk, version] = policy


def load_policies(desks: Path) -> Policies:
    """The policies of every desk in the folder `desks` that has promises.

    Raises DeskFileError with all problems of all files.
    """
    found, errors = load_each(desks, FILE_NAME, load_desk)
    if errors:
        raise DeskFileError(errors)
    policies = Policies()
    for file in found.values():
        policies.add(file.policy, file.document.text)
    return policies
