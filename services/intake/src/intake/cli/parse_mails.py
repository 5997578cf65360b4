"""`pledge intake parse`: how mails are read, a JSON line each."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from intake.mail.description import describe
from intake.mail.parse import Delivery
from pledge.runtime.cli import root as cli


def parse(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Mails as files; - for standard input.")
    ] = None,
    batch: Annotated[
        Path | None, typer.Option(help="Each *.eml below this folder, or each file if none is.")
    ] = None,
    authserv_id: Annotated[
        list[str] | None,
        typer.Option(help="Name of our own mail border, whose Authentication-Results count."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON line a message: the only form there is.")
    ] = False,
) -> None:
    """Show how mails are read, a JSON line each: people, words, files, what kind of mail it is.
    Takes nothing in."""
    del as_json
    if bool(files) == bool(batch):
        raise cli.CommandError("name files, or a folder with --batch")
    delivery = Delivery(authserv_ids=tuple(authserv_id or ()))
    failed: list[str] = []
    for path in _below(batch) if batch else files or ():
        try:
            raw = bytes_of(path)
        except OSError as error:
            failed.append(f"{path} can't be read: {error.strerror}")
            continue
        line = json.dumps(describe(raw, str(path), delivery), ensure_ascii=False)
        sys.stdout.write(f"{line}\n")
    if failed:
        raise cli.CommandError("\n".join(failed))


def bytes_of(path: Path) -> bytes:
    """The mail in the file, or for `-` on standard input. Raises OSError."""
    return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()


def _below(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise cli.CommandError(f"{folder} is no folder")
    every: Sequence[Path] = sorted(each for each in folder.rglob("*") if each.is_file())
    mails = [each for each in every if each.suffix.lower() == ".eml"]
    yield from mails or every
