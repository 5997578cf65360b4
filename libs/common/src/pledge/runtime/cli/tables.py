"""How commands show lists: for eyes as a table, for programs in lines that nothing is cut off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from pledge.runtime.cli import root as cli

# A column that is narrower than its content needs at least so many characters to be read.
READABLE = 12
# What the frame takes of each column.
FRAME = 3


def show(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, nothing: str, title: str = ""
) -> None:
    """Print a list, or `nothing` on standard error when it is empty.

    On a terminal it is a table, or, where the window is too narrow for one, a line for each value.
    Into a pipe or file it is columns as wide as they must be, with one line for each row.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        typer.echo(nothing, err=True)
        return
    console = cli.console()
    if not console.is_terminal:
        _lines(columns, cells)
        return
    widths = _widths(columns, cells)
    needed = widths[0] + sum(min(width, READABLE) for width in widths[1:]) + FRAME * len(widths) + 1
    if needed > console.width:
        _records(console, columns, cells, title)
        return
    table = Table(title=title or None)
    for position, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=position == 0)
    for row in cells:
        table.add_row(*row)
    console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else " ".join(str(value).split())


def _widths(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]


def _lines(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    widths = _widths(columns, cells)
    for row in [columns, *cells]:
        padded = (
            text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True)
        )
        typer.echo("  ".join(padded).rstrip())


def _records(
    console: Console, columns: Sequence[str], cells: Sequence[Sequence[str]], title: str
) -> None:
    if title:
        console.print(title)
    width = max(map(cell_len, columns))
    for row in cells:
        console.print()
        for column, text in zip(columns, row, strict=True):
            console.print(f"{column:<{width}}  {text}")
