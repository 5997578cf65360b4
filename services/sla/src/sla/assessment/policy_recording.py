"""Records at the start what the desks promise: the files' versions, and revisions of the stored.

A stored version whose calendars would come out otherwise by the zone and holiday data of now gets a
revision: the same text with that data. The law is the same for tickets that are open already, so a
revision is applied to them at once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import asyncpg
import structlog

from pledge.runtime.desk_file.problem import DeskFileError
from sla.assessment.policy_registry import Policies
from sla.assessment.version_calendars import calendar_data_of, version_changes
from sla.desk_file.calendar_data import current_data
from sla.desk_file.read import FILE_NAME, SlaFile, read_stored
from sla.storage import policy_versions, quarantine, reassessment_orders
from sla.storage.policy_versions import Version, newest_revisions

TICK = timedelta(microseconds=1)

log = structlog.get_logger()


class Revision(NamedTuple):
    """A version that has come because of calendar data, and what that changes."""

    version: Version
    replaces: str
    changes: list[str]


async def record(policies: Policies, connection: asyncpg.Connection, now: datetime) -> None:
    """Insert the versions that are new to the database, learn all, and order what follows.

    A version holds from its own `effective_from` where that lies ahead (or it is the desk's
    first), else from `now`; it supersedes what was planned for later.
    """
    async with connection.transaction():
        await policy_versions.lock(connection)
        for _, file in sorted(policies.files.items()):
            await _enter(connection, file, now)
        revisions = await _revise(connection, now)
        await policies.learn(connection, anew=True)
        for desk in sorted({each.version.desk for each in revisions}):
            in_force = policies.for_opening(desk, now)
            newest = [each.version.version for each in revisions if each.version.desk == desk][-1]
            await reassessment_orders.create_for_revisions(
                connection,
                desk,
                newest if in_force is None else in_force.version,
                policies.outdated(desk),
                now,
            )
        await quarantine.request_releases_of_policies(connection, policies.set_aside(), now)
    _say(policies, revisions, now)


def _say(policies: Policies, revisions: list[Revision], now: datetime) -> None:
    for desk in sorted(policies.files):
        policy = policies.for_opening(desk, now)
        if policy is not None:
            log.info("policy_in_force", desk=desk, version=policy.version)
    for each in revisions:
        log.warning(
            "calendar_data_changed",
            desk=each.version.desk,
            version=each.version.version,
            replaces=each.replaces,
            changes=each.changes,
        )
    for desk, (reason, version) in sorted(policies.bad_files().items()):
        if version is None:
            log.error("desk_set_aside", desk=desk, why=reason)
        else:
            log.error("desk_file_not_used", desk=desk, goes_on_under=version, why=reason)
    for desk in policies.without_file():
        log.warning("desk_file_gone", desk=desk, what="what is open goes on, new tickets get none")
    for policy in policies.unapplied(now):
        log.warning(
            "policy_for_open_tickets_not_applied",
            desk=policy.desk,
            version=policy.version,
            to_do=f"pledge sla policy apply <folder of {policy.desk}>",
        )


async def _enter(connection: asyncpg.Connection, file: SlaFile, now: datetime) -> None:
    """Insert the version of a file, unless its text is the one in force already."""
    policy = file.policy
    earlier = [
        each
        for each in await policy_versions.all_versions(connection)
        if each.desk == policy.desk and not each.is_superseded
    ]
    if earlier and earlier[-1].text_version == file.text_version:
        return
    asked = policy.effective_from
    is_ahead = asked is not None and (asked > now or not earlier)
    starts = asked if asked is not None and is_ahead else now
    if earlier:
        await policy_versions.supersede(connection, policy.desk, starts)
    await policy_versions.insert(
        connection,
        Version(
            policy.desk,
            policy.version,
            starts,
            file.document.text,
            is_superseded=False,
            text_version=file.text_version,
            calendar_data=file.calendar_data.text(),
            recorded_at=now,
        ),
    )


async def _revise(connection: asyncpg.Connection, now: datetime) -> list[Revision]:
    """Insert a revision of each version whose calendars come out otherwise now."""
    found: list[Revision] = []
    stored = await policy_versions.all_versions(connection)
    for version in newest_revisions(stored).values():
        recorded = calendar_data_of(version)
        if recorded is not None and recorded.is_same(current_data(recorded)):
            continue
        try:
            file = read_stored(version.content, Path(version.desk) / FILE_NAME)
        except DeskFileError as error:
            log.warning(
                "calendar_data_gone", desk=version.desk, version=version.version, why=str(error)
            )
            continue
        if file.policy.version != version.version:
            revised = replace(
                version,
                version=file.policy.version,
                calendar_data=file.calendar_data.text(),
                recorded_at=max(now, version.recorded_at + TICK),
            )
            await policy_versions.insert(connection, revised)
            changes = version_changes(version, revised, now)
            found.append(Revision(revised, version.version, changes))
        elif recorded is None:
            complete = replace(version, calendar_data=file.calendar_data.text())
            await policy_versions.insert(connection, complete)
    return found
