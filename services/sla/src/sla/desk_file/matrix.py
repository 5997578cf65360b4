"""The matrix of impact and urgency in `sla.yaml`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pledge.runtime.config.error_messages import suggest
from pledge.runtime.desk_file.model import Part
from pledge.runtime.desk_file.summary import MatrixSummary, mention
from pledge.runtime.desk_file.yaml_file import Document
from sla.desk_file.hours_parser import Report
from sla.domain.policy.matrix import Matrix


class MatrixPart(Part):
    """What impact and urgency give together, where nobody has chosen severity or priority."""

    gives: Literal["severity", "priority"] = "severity"
    table: dict[str, dict[str, str]] = Field(
        min_length=1, description="By impact, the widest first: what each urgency gives."
    )


def matrix_of(
    document: Document, part: MatrixPart | None, levels: list[str], fail: Report
) -> Matrix | None:
    """The matrix, compiled; problems of it are reported. `levels` are the severities."""
    if part is None:
        return None
    urgencies = list(next(iter(part.table.values())))
    cells: dict[tuple[str, str], str] = {}
    for impact, row in part.table.items():
        for urgency in urgencies:
            if urgency not in row:
                hint = "each impact says what each urgency gives"
                fail(("matrix", "table", impact), f"`{impact}` has no `{urgency}`", hint)
        for urgency, value in row.items():
            steps = ("matrix", "table", impact, urgency)
            if urgency not in urgencies:
                fail(steps, f"no other impact has `{urgency}`", suggest(urgency, urgencies))
            if part.gives == "severity" and levels and value not in levels:
                fail(steps, f"`{value}` is not among the severities", suggest(value, levels))
            cells[impact.casefold(), urgency.casefold()] = value
    line, _ = document.where(("matrix",))
    return Matrix(part.gives, cells, line)


def matrix_summary(document: Document, part: MatrixPart | None) -> MatrixSummary | None:
    """The matrix as the desk's other files may contradict it."""
    if part is None:
        return None
    cells = {
        (impact, urgency): mention(document, ("matrix", "table", impact, urgency), value)
        for impact, row in part.table.items()
        for urgency, value in row.items()
    }
    return MatrixSummary(mention(document, ("matrix",), part.gives), cells)
