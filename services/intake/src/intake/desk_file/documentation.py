"""What `intake.yaml` says of documentation that is offered before a request is sent (SIG-02)."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from intake.domain.documentation import Documentation
from pledge.runtime.desk_file.model import Part, WebAddress
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.yaml_file import Document


class DocumentationSection(Part):
    """Where the articles are: `folder` (beside this file; Markdown, HTML or text) that people read
    under `address`, `urls`, a `sitemap`. `reachable_hosts` may be in the internal network."""

    folder: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    address: WebAddress | None = None
    urls: Annotated[tuple[WebAddress, ...], Field(max_length=2_000)] = ()
    sitemap: WebAddress | None = None
    at_most: int = Field(default=500, ge=1, le=5_000)
    reachable_hosts: tuple[str, ...] = ()


def documentation_of(section: DocumentationSection | None) -> Documentation | None:
    """The rules as the domain's value; None: nothing is offered."""
    if section is None:
        return None
    return Documentation(
        section.folder,
        section.address,
        section.urls,
        section.sitemap,
        section.at_most,
        frozenset(each.lower() for each in section.reachable_hosts),
    )


def check_documentation(
    document: Document, section: DocumentationSection | None
) -> Iterator[Problem]:
    """A section without articles; a folder whose files nobody can read."""
    if section is None:
        return
    if section.folder is None and not section.urls and section.sitemap is None:
        hint = "add `folder`, `urls` or `sitemap`, or remove the section"
        yield document.problem(("documentation",), "there are no articles here", hint)
    if section.folder is not None and section.address is None:
        hint = "add `address`: the files of the folder are read under it"
        yield document.problem(("documentation", "folder"), "nobody can read these files", hint)
