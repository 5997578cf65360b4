"""What a provider says of a person becomes a name, and roles on desks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ALL_DESKS = "*"
LONGEST_SUBJECT = 200
# Whoever is in more groups is in groups of a machine.
MOST_VALUES = 2000


class Unusable(Exception):
    """The provider's claims can't be used; says what is wrong with them."""


def grants_of(
    claims: Mapping[str, Any], name: str, known: Mapping[str, Sequence[str]]
) -> dict[str, frozenset[str] | None]:
    """By role the desks (None: all) that the values of the claim `name` are worth, by `known`."""
    found: dict[str, frozenset[str] | None] = {}
    for value in _values(claim(claims, name)):
        for grant in known.get(value, ()):
            desk, _, role = grant.partition(":")
            before = found.get(role, frozenset())
            found[role] = None if before is None or desk == ALL_DESKS else before | {desk}
    return found


def subject_of(claims: Mapping[str, Any], name: str) -> str:
    """Who the person is here: the claim `name`. Raises Unusable."""
    value = claim(claims, name)
    if not isinstance(value, str) or not value.strip():
        raise Unusable(f"the provider gives no `{name}` for you")
    if len(value) > LONGEST_SUBJECT or not value.isprintable():
        raise Unusable(f"the provider's `{name}` for you is no name")
    if name != "email":
        return value
    if claims.get("email_verified") is False:
        raise Unusable("the provider has not verified your mail address")
    return value.lower()


def claim(claims: Mapping[str, Any], name: str) -> object:
    """The claim of that whole name, or the one that the name's dots lead to; None without."""
    if name in claims:
        return claims[name]
    found: object = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _values(value: object) -> list[str]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list):
        return []
    return [each for each in listed[:MOST_VALUES] if isinstance(each, str)]
