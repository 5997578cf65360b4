"""A new request: a form for each kind (SIG-04), with documentation offered before it is sent
(SIG-02)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import StringConstraints

from intake.application.file_store import FIELD as FILES
from intake.application.file_store import KEPT, FileStore
from intake.application.submissions import MAX_CASE_TEXT, Submissions
from intake.domain.desk import Desk, FormKind
from intake.domain.documentation import LONGEST_QUESTION, MOST_HITS, configuration_of
from intake.domain.text import one_line, paragraphs
from intake.portal.access import PortalAccess, administered, submitted
from intake.portal.fields import FIELD, form_items, needed, read_fields, read_form
from intake.portal.tokens import Person
from intake.storage import articles
from intake.storage.articles import Hit
from intake.storage.files import Upload
from pledge.events import Contact, FormSubmitted
from pledge.runtime.auth.session import check_form
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.ids import Ids

SEE_OTHER: Final = 303
ANOTHER_PRODUCT: Final = "another product"
"""What a requester chooses whose product is none of the covered ones (VIR-14)."""
_Name = Annotated[str, Form(max_length=63)]
_Text = Annotated[str, StringConstraints(max_length=MAX_CASE_TEXT)]


class NewRequests:
    """The routes under /my/<desk>/new."""

    def __init__(
        self,
        access: PortalAccess,
        submissions: Submissions,
        files: FileStore,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._access = access
        self._submissions = submissions
        self._files = files
        self._clock = clock
        self._ids = ids
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/my/{desk}/new", self.show, methods=["GET"])
        self.router.add_api_route("/my/{desk}/new", self.ask, methods=["POST"])

    async def show(
        self,
        request: Request,
        desk: str,
        form: Annotated[str, Query(max_length=63)] = "",
        follows_up: Annotated[str, Query(max_length=40)] = "",
    ) -> Response:
        """The form for a new request; each kind asks for what it needs."""
        known = self._access.desk(desk)
        person = await self._access.person(request, known)
        if person is None:
            return RedirectResponse(f"/my/{desk}", status_code=SEE_OTHER)
        kind = next((each for each in known.forms if each.name == form), known.forms[0])
        old = await self._access.find(known, person, follows_up) if follows_up else None
        return self._access.page(
            request, known, person, "my_new.html", **_offered(known, person, kind), old=old
        )

    async def ask(
        self,
        request: Request,
        desk: str,
        form: _Name,
        subject: Annotated[str, Form(max_length=300)] = "",
        text: Annotated[_Text, Form()] = "",
        severity: _Name = "",
        priority: _Name = "",
        impact: _Name = "",
        urgency: _Name = "",
        product: Annotated[str, Form(max_length=100)] = "",
        customer: Annotated[str, Form(max_length=200)] = "",
        follows_up: Annotated[str, Form(max_length=40)] = "",
        read: Annotated[str, Form(max_length=3)] = "",
    ) -> Response:
        """Take a new request, once its sender has seen the documentation that matches it; it is on
        the list within a moment."""
        await check_form(request)
        known = self._access.desk(desk)
        person = await self._access.signed_in(request, known)
        kind = next((each for each in known.forms if each.name == form), None)
        if kind is None or not one_line(subject, 300):
            raise HttpProblem(422, "a request needs a kind and a subject")
        old = await self._access.find(known, person, follows_up) if follows_up else None
        fields = {
            **await read_fields(request, needed(known, form)),
            **await read_form(request, kind),
        }
        uploads = await self._files.from_form(await request.form(), known, None, person.address)
        if not read and (hits := await self._matching(known, subject, text)):
            return self._access.page(
                request, known, person, "my_articles.html",
                hits=hits, sent=await _sent(request, uploads),
            )  # fmt: skip
        mine = administered(known, person)
        await self._submissions.take(
            FormSubmitted(
                **submitted(person, self._clock.now(), self._ids),
                follows_up=old.id if old else None,
                form=form,
                fields=fields,
                requester=Contact(email=person.address),
                subject_line=one_line(subject, 300),
                text=paragraphs(text, MAX_CASE_TEXT),
                severity=severity or None,
                priority=priority or None,
                impact=impact or None,
                urgency=urgency or None,
                product=one_line(product, 100) or None,
                customer=customer if customer in mine else next(iter(mine), None),
                attachments=tuple(each.ref for each in uploads),
                is_tenant_admin=bool(mine),
            )
        )
        return RedirectResponse(f"/my/{desk}?sent=yes", status_code=SEE_OTHER)

    async def _matching(self, desk: Desk, subject: str, text: str) -> list[Hit]:
        """Articles that may answer the request."""
        if desk.documentation is None:
            return []
        question = f"{subject}\n{text}"[:LONGEST_QUESTION]
        async with self._access.pool.acquire() as connection:
            return await articles.matching(
                connection, desk.id, configuration_of(desk.language), question, MOST_HITS
            )


async def _sent(request: Request, uploads: Sequence[Upload]) -> list[tuple[str, str]]:
    """What the form said, to be sent again as it was, with its files by their ids."""
    form = await request.form()
    said = [
        (name, value)
        for name, value in form.multi_items()
        if isinstance(value, str) and name not in {"csrf_token", "read", FILES, KEPT}
    ]
    return [*said, *((KEPT, str(each.id)) for each in uploads)]


def _offered(desk: Desk, person: Person, kind: FormKind) -> Mapping[str, Any]:
    """What the form of the kind has."""
    products = [each.title for each in desk.coverage.products] if desk.coverage else []
    return {
        "kind": kind,
        "kinds": desk.forms,
        "items": form_items(desk, kind),
        "levels": desk.levels if desk.requester_sets_severity else (),
        "priorities": desk.priorities if desk.requester_sets_severity else (),
        "matrix": desk.matrix if desk.matrix and desk.matrix.requester_sets else None,
        "products": [*products, ANOTHER_PRODUCT] if products else [],
        "customers": administered(desk, person),
        "field": FIELD,
    }
