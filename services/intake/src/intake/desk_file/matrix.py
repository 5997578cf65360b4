"""The matrix of impact and urgency in `intake.yaml`, with the words shown beside the choice."""

from collections.abc import Iterator, Sequence
from itertools import product
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from intake.desk_file.common import Name, Text
from intake.domain.matrix import Level, Matrix
from pledge.runtime.desk_file.model import Part
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.summary import MatrixSummary, mention
from pledge.runtime.desk_file.yaml_file import Document, Steps


class ReachDefinition(Part):
    """An impact or urgency with the words shown where it is chosen."""

    name: Name
    title: Text
    definition: Text
    examples: tuple[Text, ...] = ()


_Definitions = Annotated[tuple[ReachDefinition, ...], Field(min_length=1, max_length=20)]


class MatrixSection(Part):
    """What impact and urgency give together, where nobody chose severity or priority."""

    gives: Literal["severity", "priority"] = "severity"
    impact: _Definitions
    urgency: _Definitions
    table: dict[str, dict[str, Name]] = Field(description="By impact: what each urgency gives.")
    requester_sets: bool = True


def matrix_of(section: MatrixSection | None) -> Matrix | None:
    """The matrix as the domain's value; None for a desk without one."""
    if section is None:
        return None
    cells = {
        (impact, urgency): value
        for impact, row in section.table.items()
        for urgency, value in row.items()
    }
    return Matrix(
        section.gives,
        _levels(section.impact),
        _levels(section.urgency),
        MappingProxyType(cells),
        section.requester_sets,
    )


def _levels(definitions: tuple[ReachDefinition, ...]) -> tuple[Level, ...]:
    return tuple(
        Level(each.name, each.title, each.definition, each.examples) for each in definitions
    )


def check_matrix(
    document: Document,
    section: MatrixSection | None,
    severities: tuple[str, ...],
    priorities: tuple[str, ...],
) -> Iterator[Problem]:
    """Names that are listed twice, cells that are missing, and values that the desk lacks."""
    if section is None:
        return
    names = {
        "impact": [each.name for each in section.impact],
        "urgency": [each.name for each in section.urgency],
    }
    for key, listed in names.items():
        for index, name in enumerate(listed):
            if name in listed[:index]:
                yield document.twice(("matrix", key, index), name)
    for impact, urgency in product(*names.values()):
        if urgency not in section.table.get(impact, {}):
            message = f"the table does not say what {impact} and {urgency} give"
            hint = f"add `{urgency}` to `{impact}`"
            yield document.problem(("matrix", "table"), message, hint)
    known = severities if section.gives == "severity" else priorities
    for impact in section.table:
        if impact not in names["impact"]:
            at: Steps = ("matrix", "table", impact)
            yield document.unknown(at, "impact", impact, names["impact"])
        yield from _check_row(document, section, impact, names["urgency"], known)


def _check_row(
    document: Document,
    section: MatrixSection,
    impact: str,
    urgencies: Sequence[str],
    known: Sequence[str],
) -> Iterator[Problem]:
    for urgency, value in section.table[impact].items():
        at: Steps = ("matrix", "table", impact, urgency)
        if urgency not in urgencies:
            yield document.unknown(at, "urgency", urgency, urgencies)
        if value not in known:
            yield document.unknown(at, section.gives, value, known)


def matrix_summary(document: Document, section: MatrixSection | None) -> MatrixSummary | None:
    """The matrix as the desk's other files may contradict it."""
    if section is None:
        return None
    cells = {
        (impact, urgency): mention(document, ("matrix", "table", impact, urgency), value)
        for impact, row in section.table.items()
        for urgency, value in row.items()
    }
    return MatrixSummary(mention(document, ("matrix",), section.gives), cells)
