"""Whether the matrices of impact and urgency in a desk's files are one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.summary import DeskFileSummary, MatrixSummary

_HINT = "write the same table in both files"


def check_matrices(files: Sequence[DeskFileSummary]) -> Iterator[Problem]:
    """Cells that differ, or that one of the files lacks; in each pair of files that have one."""
    matrices = [file.matrix for file in files if file.matrix is not None]
    for one, other in combinations(matrices, 2):
        if one.gives.name != other.gives.name:
            message = f"the matrix gives {other.gives.name} here and {one.gives.name}"
            yield other.gives.problem(f"{message} in {one.gives.place}", _HINT)
        yield from _missing(one, other)
        yield from _missing(other, one)
        for key, value in other.cells.items():
            known = one.cells.get(key)
            if known is not None and known.name != value.name:
                message = f"impact {key[0]} and urgency {key[1]} give {value.name} here and"
                yield value.problem(f"{message} {known.name} in {known.place}", _HINT)


def _missing(one: MatrixSummary, other: MatrixSummary) -> Iterator[Problem]:
    for key, value in one.cells.items():
        if key not in other.cells:
            message = f"{other.gives.file.name} does not say what impact {key[0]} and urgency"
            yield value.problem(f"{message} {key[1]} give", _HINT)
