"""The part of `intake.yaml` about the portal: its forms, and signing in to it."""

from typing import Annotated

from pydantic import Field

from intake.desk_file.common import Name, Part, Text
from intake.domain.desk import FormKind


class FormEntry(Part):
    """A kind of request that the portal offers."""

    name: Name
    title: Text


class PortalRules(Part):
    """Who may send the desk's forms, what a requester decides in them, and whether requesters sign
    in: `sign_in_template` is the template of notify.yaml that brings the link (INF-08)."""

    form_keys: tuple[Annotated[str, Field(min_length=16, max_length=200)], ...] = ()
    requester_sets_severity: bool = False
    sign_in_template: Name | None = None
    forms: tuple[FormEntry, ...] = ()


def forms_of(section: PortalRules) -> tuple[FormKind, ...]:
    """The kinds of request on offer; without a list there is one."""
    offered = tuple(FormKind(each.name, each.title) for each in section.forms)
    return offered or (FormKind("case", "A request"),)
