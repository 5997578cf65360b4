"""Promises of one team: begun when the ticket comes to it, over when it leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sla.domain.policy.rules import Repeats


def written_out(part: object) -> object:
    """A metric with `team: l2` as it would be written without: what starts and what cancels it.

    What the file says itself stands; anything that is no metric of a team is returned as it is.
    """
    if not isinstance(part, Mapping) or not isinstance(part.get("team"), str):
        return part
    team: str = part["team"]
    comes = {"fact": "assigned", "where": {"team": team, "team_changed": True}}
    leaves = {"fact": "assigned", "where": {"previous_team": team, "team_changed": True}}
    cancels: Any = part.get("cancels", [])
    listed = cancels if isinstance(cancels, list) else [cancels]
    return {
        "starts": comes,
        "repeats": Repeats.ON_START.value,  # it may come back
        **part,
        "cancels": [*listed, leaves],
    }


def starts_may_be_left_out(schema: dict[str, Any]) -> None:
    """For editors: a metric of a team need not say what starts it."""
    schema["required"] = [each for each in schema["required"] if each != "starts"]
    schema["anyOf"] = [{"required": ["starts"]}, {"required": ["team"]}]
