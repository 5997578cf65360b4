"""What intake.yaml says that the desk's other files may contradict."""

from collections.abc import Iterator

from intake.desk_file.matrix import matrix_summary
from intake.desk_file.model import IntakeFile
from pledge.runtime.desk_file.summary import (
    DeskFileSummary,
    Kind,
    Mail,
    Reference,
    mention,
    mentions,
    stated,
)
from pledge.runtime.desk_file.yaml_file import Document, Steps

_ROLES = (("feedback", "review_owner"), ("feedback", "arbitration_owner"))


def summary_of(document: Document, model: IntakeFile) -> DeskFileSummary:
    """The names, addresses and severities of the file, and the names of notify.yaml it uses."""
    addresses = [each.address for each in model.addresses]
    defines = {
        Kind.PRIORITY: model.priorities,
        Kind.LINE: (*addresses, *(each.name for each in model.phone_lines)),
        Kind.MILESTONE: tuple(each.name for each in model.milestones),
        Kind.TEAM: tuple(each.name for each in model.teams),
    }
    if model.customers:
        defines[Kind.CUSTOMER] = tuple(each.name for each in model.customers)
    if model.plans:
        defines[Kind.PLAN] = model.plans
    return DeskFileSummary(
        file=document.file,
        title=mention(document, ("name",), model.name),
        zone=stated(document, "zone"),
        severities=tuple(mentions(document, ("severities",), [s.name for s in model.severities])),
        defines=defines,
        refers=(
            *_templates(document, model),
            *_responders(document, model),
            *_revisable(document, model),
            *_shown(document, model),
        ),
        matrix=matrix_summary(document, model.matrix),
        mail=Mail(taken_in=tuple(mentions(document, ("addresses",), addresses))),
    )


def _revisable(document: Document, model: IntakeFile) -> Iterator[Reference]:
    for index, each in enumerate(model.revisable):
        steps: Steps = ("revisable", index, "metric")
        yield Reference(Kind.REVISABLE, mention(document, steps, each.metric))


def _shown(document: Document, model: IntakeFile) -> Iterator[Reference]:
    for index, each in enumerate(model.promises.shown):
        steps: Steps = ("promises", "shown", index, "metric")
        yield Reference(Kind.METRIC, mention(document, steps, each.metric))


def _templates(document: Document, model: IntakeFile) -> Iterator[Reference]:
    used: list[tuple[Steps, str | None]] = [
        (("portal", "sign_in_template"), model.portal.sign_in_template)
    ]
    if model.required_information:
        asks = model.required_information.ask_with
        used.append((("required_information", "ask_with"), asks))
    if model.entitlement:
        used.append((("entitlement", "answer"), model.entitlement.answer))
    if model.promises.acknowledge_with:
        used.append((("promises", "acknowledge_with"), model.promises.acknowledge_with))
    if model.feedback.ask_with:
        used.append((("feedback", "ask_with"), model.feedback.ask_with))
    if model.coverage:
        used.append((("coverage", "answer"), model.coverage.answer))
    if model.services:
        used.append((("services", "offer_with"), model.services.offer_with))
    answers = {
        "rules": [rule.answer for rule in model.scope.rules],
        "versions": [product.answer for product in model.scope.versions],
    }
    used += [
        (("scope", part, index, "answer"), answer)
        for part, listed in answers.items()
        for index, answer in enumerate(listed)
    ]
    for steps, name in used:
        if name is not None:
            yield Reference(Kind.TEMPLATE, mention(document, steps, name))


def _responders(document: Document, model: IntakeFile) -> Iterator[Reference]:
    """Roles that the file names; a role that is only a default asks for nobody in particular."""
    for index, line in enumerate(model.addresses):
        if line.escalates_to is not None:
            steps: Steps = ("addresses", index, "escalates_to")
            yield Reference(Kind.RESPONDER, mention(document, steps, line.escalates_to))
    for role in (stated(document, *steps) for steps in _ROLES):
        if role is not None:
            yield Reference(Kind.RESPONDER, role)
