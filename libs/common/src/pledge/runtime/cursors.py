"""Keyset cursors: the place in an ordered list after which the next page begins, as opaque text.

A cursor is base64url over a JSON array of the last row's sort columns. It is not signed: whoever
makes one up gets rows that they may list anyway.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

LONGEST_CURSOR = 1_000
"""Characters; the longest that a list makes is below 300."""

P = TypeVar("P")
R = TypeVar("R")


class BadCursor(ValueError):
    """The text is not a cursor of this list."""


class Cursors(Generic[P]):
    """Cursors of one list; `place` is the type of its sort columns, a tuple."""

    def __init__(self, place: TypeAdapter[P]) -> None:
        self._place = place

    def encode(self, place: P) -> str:
        """The cursor of what follows `place`."""
        return base64.urlsafe_b64encode(self._place.dump_json(place)).decode().rstrip("=")

    def decode(self, cursor: str) -> P:
        """The place that a cursor names. Raises BadCursor."""
        if len(cursor) > LONGEST_CURSOR:
            raise BadCursor("it is too long")
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            content = base64.b64decode(padded, altchars=b"-_", validate=True)
            return self._place.validate_json(content)
        except ValidationError as error:
            raise BadCursor("it is not one of this list") from error
        except (binascii.Error, ValueError) as error:
            raise BadCursor("it can't be read") from error

    def page(
        self, rows: Sequence[R], limit: int, place_of: Callable[[R], P]
    ) -> tuple[Sequence[R], str | None]:
        """The first `limit` rows, and the cursor of the rest.

        `rows` is read with one row more than `limit`: it shows whether there is a next page.
        """
        if len(rows) <= limit:
            return rows, None
        return rows[:limit], self.encode(place_of(rows[limit - 1]))
