"""A ticket under a revision of its policy: the same text, reckoned by other calendar data.

Zone and holiday data follow laws, which hold for tickets that are open, too. Nothing more is
published by the version before, not even what was due under it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sla.domain.changes import diff
from sla.domain.policy.policy import Policy
from sla.domain.policy_versions import OPEN, PastVersion, Takeover, assess_versions, take_over
from sla.domain.values import Fact, PublishedState, State

CAUSE = "calendar_data_changed"
"""Why instants moved when a revision took over."""


def revise(
    facts: Sequence[Fact],
    published: PublishedState,
    policy: Policy,
    *,
    version: str | None,
    current: Policy | None,
    past: Sequence[PastVersion],
    since: datetime,
    at: datetime,
    until: datetime,
) -> Takeover:
    """Put a ticket, which is under `version` (`current`), under its revision `policy` at `at`.

    Its facts are known up to `until`. The revision is there `since` when it was recorded: a breach
    from then on that it disproves is retracted. What ended otherwise than it would have stays on
    record under `version`; where the revision changes no such thing, the ticket is under it as
    from its opening.
    """
    versioned = assess_versions(facts, policy, past)
    difference = diff(published, versioned.assessment, until, cause=CAUSE)
    before = {(one.metric, one.cycle): one for one in published.timers}
    after = {(one.metric, one.cycle): one for one in difference.published.timers}
    settled = {key for one in past for key in one.earlier.settled | one.earlier.gone}
    disproved = {
        key
        for key, one in before.items()
        if one.state is State.BREACHED
        and one.due_at is not None
        and one.due_at >= since
        and after[key].state is not State.BREACHED
        and key not in settled
    }
    ended = {key for key, one in before.items() if one.state not in OPEN} - settled - disproved
    is_same = before.keys() == after.keys() and all(
        after[key] == before[key] and before[key].state is not State.BREACHED for key in ended
    )
    if is_same:
        return Takeover(None, None, versioned, difference)
    return take_over(
        facts,
        published,
        policy,
        version=version,
        current=current,
        past=past,
        at=at,
        until=until,
        is_due=False,
        cause=CAUSE,
        goes_on=disproved,
    )
