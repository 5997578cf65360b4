"""Lists of the API that come in pages: the parameter `cursor`, and the answer to a wrong one."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, TypeVar

from fastapi import Query

from pledge.runtime.cursors import BadCursor
from pledge.runtime.http.app import HttpProblem

R = TypeVar("R")

Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]


async def paged(page: Awaitable[tuple[R, str | None]]) -> tuple[R, str | None]:
    """The rows of `page` and the cursor of the next. Raises HttpProblem 422 for a bad cursor."""
    try:
        return await page
    except BadCursor as error:
        raise HttpProblem(422, f"the cursor is of no use: {error}; ask without one") from error
