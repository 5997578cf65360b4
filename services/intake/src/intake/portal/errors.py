"""Errors on requesters' pages: shown in their desk's layout, not in the staff's."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request

from intake.domain.desk import Desk
from intake.domain.requester_links import LinkKind
from pledge.runtime.http.app import HttpProblem

PAGES: Final = ("my", *(kind.place for kind in LinkKind))
"""What the addresses of requesters' pages begin with; the desk follows."""
_HEADINGS: Final = {
    403: "This is not allowed",
    404: "There is nothing here",
    413: "This is too large",
    422: "This can't be taken",
    429: "Too much at once",
    503: "Not at the moment",
}


class PortalProblems:
    """Says in which template a problem is shown."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self._desks = desks

    def __call__(
        self, request: Request, problem: HttpProblem
    ) -> tuple[str, Mapping[str, Any]] | None:
        """The template and its values; None: the page is the staff's."""
        place, _, rest = request.url.path.lstrip("/").partition("/")
        if place not in PAGES:
            return None
        desk = self._desks.get(rest.partition("/")[0])
        is_plain = problem.title == HTTPStatus(problem.status).phrase
        heading = _HEADINGS.get(problem.status, "This did not work") if is_plain else problem.title
        return "my_problem.html", {
            "portal": desk,
            "person": getattr(request.state, "person", None),
            "language": (desk.language if desk else None) or "en",
            "heading": heading,
        }
