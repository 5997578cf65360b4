"""What notify.yaml says that the desk's other files may contradict."""

from collections.abc import Iterator

from notify.desk_file.model import NotifyFile
from notify.messages.default_templates import BUILT_IN
from pledge.runtime.desk_file.summary import (
    DeskFileSummary,
    Kind,
    Mail,
    Mention,
    Reference,
    mention,
    mentions,
    stated,
)
from pledge.runtime.desk_file.yaml_file import Document


def summary_of(document: Document, model: NotifyFile) -> DeskFileSummary:
    """The people, templates and addresses of the file, and the names of other files it uses."""
    sender = mention(document, ("sender",), model.sender)
    own = mentions(document, ("own_addresses",), model.own_addresses)
    return DeskFileSummary(
        file=document.file,
        title=mention(document, ("title",), model.title),
        zone=stated(document, "zone"),
        defines={
            Kind.TEMPLATE: (*model.templates, *BUILT_IN),
            Kind.RESPONDER: (*model.people, *model.rotations, *model.escalations),
        },
        refers=tuple(_conditions(document, model)),
        mail=Mail(
            never_sent_to=(*own, sender),
            recipients=tuple(_recipients(document, model)),
            sender=sender,
        ),
    )


def _conditions(document: Document, model: NotifyFile) -> Iterator[Reference]:
    for index, route in enumerate(model.routes):
        when = route.when
        for key, kind, names in (
            ("severity", Kind.SEVERITY, when.severity),
            ("priority", Kind.PRIORITY, when.priority),
            ("metric", Kind.METRIC, when.metric),
        ):
            for each in mentions(document, ("routes", index, "when", key), names):
                yield Reference(kind, each)


def _recipients(document: Document, model: NotifyFile) -> Iterator[Mention]:
    for key, person in model.people.items():
        if person.email is not None:
            yield mention(document, ("people", key, "email"), person.email)
    for index, route in enumerate(model.routes):
        if route.email is not None:
            yield from mentions(document, ("routes", index, "email", "to"), route.email.to)
