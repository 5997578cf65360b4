"""The policies of all desks: the ones in force, and those that older tickets were opened under."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path

import asyncpg
import structlog

from pledge.runtime.desk_file.load import desk_of, load_each
from pledge.runtime.desk_file.problem import DeskFileError
from sla.desk_file.calendar_data import UnreadableCalendarData, read_calendar_data
from sla.desk_file.read import FILE_NAME, SlaFile, load_desk, read_stored
from sla.domain.calendar.outcome import outcomes
from sla.domain.policy.policy import Policy
from sla.domain.policy.rules import VersionScope
from sla.domain.policy_versions import PastVersion, VersionedAssessment, assess_versions
from sla.storage import policy_versions
from sla.storage.policy_versions import Version, newest_revisions
from sla.storage.ticket_cache import Ticket

log = structlog.get_logger()


class UnknownVersion(Exception):
    """A ticket names a policy version that the database does not have."""


class NotReckonable(Exception):
    """What a version promises can't be told by this program, or not at present."""


class Policies:
    """Every policy that a ticket may be under, by desk and version.

    A desk is set aside while neither its file nor the version before says what it promises.
    """

    def __init__(self) -> None:
        self._files: dict[str, SlaFile] = {}
        # Desks with a file that can't be used, and why.
        self._bad_files: dict[str, str] = {}
        self._history: dict[str, list[Version]] = {}
        self._by_version: dict[tuple[str, str], Policy] = {}
        self._unreckonable: dict[tuple[str, str], str] = {}
        # Versions that take zones or holidays, with no record of those they were made with.
        self._unrecorded: set[tuple[str, str]] = set()
        # The newest revision of those versions that have one.
        self._revised: dict[tuple[str, str], Version] = {}
        # The version that open tickets of a desk were put under last, by order.
        self._applied: dict[str, str] = {}
        self._last_revision: int | None = None

    @property
    def desks(self) -> frozenset[str]:
        """The desks that have a policy file."""
        return frozenset(self._files) | frozenset(self._bad_files)

    @property
    def files(self) -> Mapping[str, SlaFile]:
        """The files that can be used, by desk."""
        return self._files

    def add(self, file: SlaFile) -> None:
        """Put the policy of a file in force for its desk."""
        policy = file.policy
        self._files[policy.desk] = file
        self._by_version[policy.desk, policy.version] = policy

    def add_bad_file(self, desk: str, reason: str) -> None:
        """The file of a desk can't be used: the version before it goes on, if there is one."""
        self._bad_files[desk] = reason

    def history(self, desk: str) -> list[Version]:
        """The versions of a desk's policy, oldest first, revisions too."""
        return list(self._history.get(desk, ()))

    def for_opening(self, desk: str, at: datetime) -> Policy | None:
        """The policy for a ticket of `desk` opened at `at`; None when the desk promises nothing, or
        is set aside.

        What was opened before the first version is under the first. What is read only after a
        version was applied to open tickets is under that one, or a later. In each case it is under
        the newest revision.
        """
        if desk not in self.desks:
            return None
        versions = self._history.get(desk)
        if not versions:
            file = self._files.get(desk)
            return None if file is None else file.policy
        place = max(0, bisect_right(versions, at, key=lambda each: each.effective_from) - 1)
        chosen, applied = versions[place].version, self._applied.get(desk)
        if applied is not None and applied in {each.version for each in versions[place + 1 :]}:
            chosen = applied
        found = self._by_version.get((desk, self.newest(desk, chosen)))
        if found is None and desk in self._files:
            return self._files[desk].policy
        return found

    def is_named(self, policy: Policy, name: str) -> bool:
        """Whether `name` is a version, or the hash of its text, which is the same by whatever
        calendar data somebody reckons."""
        return name == policy.version or any(
            each.text_version == name and each.version == policy.version
            for each in self._history.get(policy.desk, ())
        )

    def newest(self, desk: str, version: str) -> str:
        """The newest revision of a version: the same text by the calendar data of now."""
        revised = self._revised.get((desk, version))
        return version if revised is None else revised.version

    def revision_of(self, ticket: Ticket) -> tuple[Policy, datetime] | None:
        """The newer revision of a ticket's version, and when it was recorded; None: it has none."""
        if not self._revised or ticket.policy_version is None:
            return None
        revised = self._revised.get((ticket.desk, ticket.policy_version))
        if revised is None:
            return None
        policy = self._by_version.get((ticket.desk, revised.version))
        return None if policy is None else (policy, revised.recorded_at)

    def outdated(self, desk: str) -> list[str]:
        """The versions of a desk that have a newer revision."""
        return [version for of, version in self._revised if of == desk]

    def set_aside(self) -> dict[str, str]:
        """The desks of which nobody can tell what they promise now, and why."""
        found: dict[str, str] = {}
        for desk, reason in self._bad_files.items():
            versions = self._history.get(desk)
            if not versions or self._newest_of(versions[-1]) in self._unreckonable:
                found[desk] = reason
        return found

    def bad_files(self) -> dict[str, tuple[str, str | None]]:
        """The desks with a file that can't be used: why, and the version that goes on."""
        aside = self.set_aside()
        return {
            desk: (
                reason,
                None if desk in aside else self._newest_of(self._history[desk][-1])[1],
            )
            for desk, reason in self._bad_files.items()
        }

    def without_file(self) -> list[str]:
        """The desks that had promises once and have no file any more."""
        return sorted(self._history.keys() - self.desks)

    def troubles(self) -> list[tuple[str, str, str]]:
        """Desks of which something can't be used: the desk, what it is, and why.

        `set_aside`: nobody can tell what it promises. `file`: the version before goes on in its
        place. `version`: one that tickets may be under can't be reckoned.
        """
        found = [
            (desk, "set_aside" if version is None else "file", reason)
            for desk, (reason, version) in self.bad_files().items()
        ]
        found += [(desk, "version", reason) for (desk, _), reason in self._unreckonable.items()]
        return sorted(found)

    def why_waiting(self, ticket: Ticket) -> str | None:
        """Why nobody can tell what is promised on a ticket; None when it can be told."""
        if not self._unreckonable and not self._bad_files:
            return None
        if ticket.policy_version is None:
            return self.set_aside().get(ticket.desk)
        versions = [ticket.policy_version, *(each.version for each in ticket.earlier)]
        reasons = (self._unreckonable.get((ticket.desk, each)) for each in versions if each)
        return next((reason for reason in reasons if reason is not None), None)

    def unrecorded(self, ticket: Ticket) -> list[str]:
        """The versions a ticket is or was under of which nobody knows by what zone and holiday data
        they were reckoned: it is explained by those of now."""
        named = [each.version for each in ticket.earlier if each.settled]
        return [
            version
            for version in (*named, ticket.policy_version)
            if version is not None and (ticket.desk, version) in self._unrecorded
        ]

    def unapplied(self, now: datetime) -> list[Policy]:
        """The policies in force that are for open tickets too, and were not applied to them."""
        found = []
        for desk in sorted(self._files):
            policy = self.for_opening(desk, now)
            texts = {each.text_version for each in self._history.get(desk, ())}
            applied = self._applied.get(desk)
            if (
                policy is not None
                and len(texts) > 1
                and policy.applies_to is VersionScope.OPEN
                and (applied is None or self.newest(desk, applied) != policy.version)
            ):
                found.append(policy)
        return found

    def of(self, ticket: Ticket) -> Policy | None:
        """The policy that the ticket is under; `fetch` must have been given the ticket before.

        Raises NotReckonable.
        """
        return self._named(ticket.desk, ticket.policy_version)

    def past(self, ticket: Ticket) -> list[PastVersion]:
        """The versions the ticket was under before; `fetch` must have been given the ticket.

        Raises NotReckonable.
        """
        return [
            PastVersion(each, self._named(ticket.desk, each.version)) for each in ticket.earlier
        ]

    def versioned(self, ticket: Ticket) -> VersionedAssessment | None:
        """The ticket assessed under its versions; None when its desk promised nothing, or nobody
        can tell what."""
        if self.why_waiting(ticket) is not None:
            return None
        policy = self.of(ticket)
        return None if policy is None else assess_versions(ticket.facts, policy, self.past(ticket))

    def in_force(self, desk: str, at: datetime) -> Policy | None:
        """The version that was in force at `at`, whatever was applied to open tickets since."""
        versions = self._history.get(desk)
        if not versions:
            return self._files[desk].policy if desk in self._files else None
        place = max(0, bisect_right(versions, at, key=lambda each: each.effective_from) - 1)
        return self._by_version.get((desk, versions[place].version))

    def in_force_between(self, desk: str, since: datetime, until: datetime) -> list[Policy]:
        """The versions that were in force between two instants, oldest first."""
        starts = (each.effective_from for each in self._history.get(desk, ()))
        asked = [since, *(at for at in starts if since < at <= until)]
        found = (self.in_force(desk, at) for at in asked)
        return [policy for policy in found if policy is not None]

    def version(self, desk: str, version: str) -> Policy:
        """A version that `ensure` was asked for before. Raises NotReckonable."""
        reason = self._unreckonable.get((desk, version))
        if reason is not None:
            raise NotReckonable(reason)
        return self._by_version[desk, version]

    def _named(self, desk: str, version: str | None) -> Policy | None:
        return None if version is None else self.version(desk, version)

    def _newest_of(self, version: Version) -> tuple[str, str]:
        return version.desk, self.newest(version.desk, version.version)

    async def learn(self, connection: asyncpg.Connection, *, anew: bool = False) -> None:
        """Read which versions were applied to open tickets, and which revisions there are, by this
        or another process; `anew`: every version that there is."""
        applied = await policy_versions.applied_versions(connection)
        last = await policy_versions.last_revision(connection)
        if anew or (applied, last) != (self._applied, self._last_revision):
            self.know(await policy_versions.all_versions(connection))
            self._applied, self._last_revision = applied, last

    def know(self, versions: Collection[Version]) -> None:
        """Take these for all the versions that there are."""
        self._history = {}
        for version in versions:
            if not version.is_superseded:
                self._history.setdefault(version.desk, []).append(version)
            self._compile(version.desk, version.version, version.content, version.calendar_data)
        newest = newest_revisions(versions)
        self._revised = {
            (each.desk, each.version): last
            for each in versions
            if (last := newest[each.desk, each.text_version]).version != each.version
            and (each.desk, last.version) in self._by_version
        }

    async def fetch(self, connection: asyncpg.Connection, tickets: Collection[Ticket]) -> None:
        """Load the policies of `tickets`, also those that another process has inserted.

        Raises UnknownVersion.
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
        """Load these versions, as (desk, version). Raises UnknownVersion."""
        wanted = {(desk, version) for desk, version in named if version is not None}
        wanted -= self._by_version.keys() | self._unreckonable.keys()
        if not wanted:
            return
        found = await policy_versions.contents(connection, wanted)
        for (desk, version), stored in found.items():
            self._compile(desk, version, stored.content, stored.calendar_data)
        if missing := wanted - found.keys():
            raise UnknownVersion(f"policy_versions lacks {sorted(missing)}")

    def _compile(self, desk: str, version: str, content: str, calendar_data: str | None) -> None:
        """Make a policy from what the database keeps of it, or note why nobody can.

        Whatever was once in force must stay readable: open tickets keep it.
        """
        key = (desk, version)
        if key in self._by_version or key in self._unreckonable:
            return
        path, why = Path(desk) / f"{version}-{FILE_NAME}", ""
        try:
            recorded = None if calendar_data is None else read_calendar_data(calendar_data)
            policy = read_stored(content, path, recorded, version).policy
            self._by_version[key] = policy
            if recorded is None and any(outcomes(each.hours) for each in policy.calendars.values()):
                self._unrecorded.add(key)
        except (DeskFileError, UnreadableCalendarData) as error:
            why = str(error)
        if not why:
            return
        self._unreckonable[key] = f"policy version {version} can't be reckoned: {why}"
        log.error("policy_version_not_reckonable", desk=desk, version=version, why=why)


def load_policies(desks: Path) -> Policies:
    """The policies of every desk in the folder `desks` that has promises.

    A file that can't be used keeps no other desk from its own. Raises DeskFileError with all
    problems where no file can be used.
    """
    found, errors = load_each(desks, FILE_NAME, load_desk)
    if errors and not found:
        raise DeskFileError(errors)
    policies = Policies()
    for file in found.values():
        policies.add(file)
    for desk in sorted({desk_of(each.file) for each in errors}):
        own = [each for each in errors if desk_of(each.file) == desk]
        policies.add_bad_file(desk, str(DeskFileError(own)))
    return policies
