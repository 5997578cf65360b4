"""`pledge sla import`: another help desk's history as facts that promises can be counted on."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from pledge.runtime.cli import root as cli
from pledge.runtime.cli import tables
from pledge.runtime.cli.api_client import AsJson
from pledge.runtime.desk_file.problem import DeskFileError
from sla.cli.client import load_policy
from sla.cli.progress import progress_bar
from sla.domain.policy.policy import Policy
from sla.history.defaults import DEFAULTS
from sla.history.facts import Importer, Report, writable
from sla.history.mapping import MappingFile, default_mapping, load_mapping
from sla.history.records import BadExport, Record, csv_records, json_records
from sla.history.sources import ADAPTERS, Entry

# How much is read between two steps of the bar.
STEP = 256 * 1024
# Rows of what has no counterpart that are shown; --json has them all.
SHOWN = 30


class Source(StrEnum):
    """Whose export it is."""

    CSV = "csv"
    ZENDESK = "zendesk"
    ZAMMAD = "zammad"
    JIRA = "jira"


def import_history(
    exports: Annotated[
        list[Path] | None, typer.Argument(help="Files with tickets: JSON, JSON lines, or CSV.")
    ] = None,
    source: Annotated[Source, typer.Option("--from", help="Whose export it is.")] = Source.CSV,
    history: Annotated[
        list[Path] | None,
        typer.Option(help="A file with audits, events, articles or comments of the tickets."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--map", help="The mapping file; default: as they ship.")
    ] = None,
    desk: Annotated[
        Path | None, typer.Option(help="The desk's folder: its levels are compared.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; - for standard output.")
    ] = None,
    write_map: Annotated[
        Path | None, typer.Option(help="Write the mapping that comes with it, to edit, and end.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turn a help desk's exported history into ticket events, a file for simulate and what-if.

    What the mapping has no place for is listed with the number of times and a ticket. Of people,
    only their ids are taken; of messages, only who wrote when.
    """
    if write_map is not None:
        with _written(write_map, force) as file:
            file.write(DEFAULTS[source.value])
        typer.echo(f"wrote {write_map}; edit it, then give it with --map")
        return
    if not exports or out is None:
        raise cli.CommandError("name the export's files and, with --out, the file to write")
    policy = load_policy(desk) if desk is not None else None
    found = _mapping(source, mapping)
    if policy is not None:
        _check_levels(found, policy)
    report = Report()
    importer = Importer(found, policy.desk if policy is not None else "history", report)
    try:
        with _written(out, force) as file, progress_bar("bytes") as shown:
            seen = _Seen([*(history or []), *exports], shown)
            for events in _tickets(importer, found, exports, history or [], seen):
                file.writelines(_line(event) for event in events)
            _check_any(report, exports, source)
    except BadExport as error:
        raise cli.CommandError(str(error)) from error
    _show(report, as_json=as_json, is_piped=str(out) == "-")


def _check_any(report: Report, exports: Iterable[Path], source: Source) -> None:
    """Raise BadExport where the files held nothing that could be a ticket."""
    if not report.tickets and not report.skipped:
        names = ", ".join(map(str, exports))
        raise BadExport(f"no ticket was found in {names}: is it an export of {source}?")


def _mapping(source: Source, path: Path | None) -> MappingFile:
    try:
        if path is None:
            return default_mapping(source.value)
        return load_mapping(path, source.value)
    except DeskFileError as error:
        raise cli.CommandError(str(error)) from error


def _check_levels(mapping: MappingFile, policy: Policy) -> None:
    """Say which severities of the mapping the desk does not know. Raises CommandError."""
    field = mapping.attributes.get("severity")
    if field is None:
        return
    named = [value for value in (*field.values.values(), field.otherwise) if value is not None]
    unknown = sorted({str(value) for value in named if not policy.is_level(value)})
    if unknown:
        raise cli.CommandError(
            f"the mapping gives severity {', '.join(unknown)}, which {policy.desk} does not have: "
            f"there are {', '.join(policy.levels)}; name them under `severity: values` in a "
            f"mapping of your own (--write-map)"
        )


class _Seen:
    """How much of all files was read."""

    def __init__(self, files: Iterable[Path], shown: Callable[[int, int], None]) -> None:
        self._total = sum(path.stat().st_size for path in files if path.exists())
        self._shown, self._done, self._next = shown, 0, STEP

    def add(self, count: int) -> None:
        """Count, and renew the bar now and then."""
        self._done += count
        if self._done >= self._next:
            self._next = self._done + STEP
            self._shown(self._done, max(self._done, self._total))


def _tickets(
    importer: Importer,
    mapping: MappingFile,
    exports: Iterable[Path],
    history: Iterable[Path],
    seen: _Seen,
) -> Iterator[list[dict[str, Any]]]:
    adapter = ADAPTERS[mapping.source]
    entries: dict[str, list[Entry]] = defaultdict(list)
    for path in history:
        for record in json_records(path, adapter.lists, seen.add):
            for ticket_id, entry in adapter.beside(record):
                entries[ticket_id].append(entry)
    records = (record for path in exports for record in _records(path, mapping, seen))
    if mapping.events is not None:
        for rows in _by_ticket(importer, records):
            yield importer.rows(rows)
        return
    for record in records:
        known = importer.ticket_id(record)
        beside = entries.pop(known, []) if known is not None else []
        yield importer.events(record, [*adapter.inside(record), *beside])


def _records(path: Path, mapping: MappingFile, seen: _Seen) -> Iterator[Record]:
    if mapping.source == "csv":
        return csv_records(path, mapping.delimiter, mapping.id, seen.add)
    return json_records(path, ADAPTERS[mapping.source].lists, seen.add)


def _by_ticket(importer: Importer, records: Iterable[Record]) -> Iterable[list[Record]]:
    """Rows of events by ticket, whatever order they stand in."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[importer.ticket_id(record) or ""].append(record)
    return found.values()


@contextmanager
def _written(path: Path, force: bool) -> Iterator[IO[str]]:
    """A file that is there once all of it is written. Raises CommandError."""
    if str(path) == "-":
        yield sys.stdout
        return
    if path.exists() and not force:
        raise cli.CommandError(f"{path} is there already; --force replaces it")
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise cli.CommandError(f"{path} can't be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _line(event: dict[str, Any]) -> str:
    return writable(json.dumps(event, separators=(",", ":"), ensure_ascii=False)) + "\n"


def _show(report: Report, *, as_json: bool, is_piped: bool) -> None:
    listed = [
        {"what": each.what, "value": each.value, "times": times, "ticket": report.examples[each]}
        for each, times in sorted(report.missing.items(), key=lambda item: -item[1])
    ]
    if as_json:
        answer = {
            "tickets": report.tickets,
            "facts": report.facts,
            "skipped": report.skipped,
            "unmapped": listed,
            "others": report.others,
        }
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False), err=is_piped)
        return
    typer.echo(
        f"{report.tickets} tickets with {report.facts} facts written, {report.skipped} skipped",
        err=True,
    )
    if not listed:
        return
    typer.echo("without a counterpart in the mapping:", err=True)
    rows = [tuple(each.values()) for each in listed[:SHOWN]]
    if is_piped:
        for row in rows:
            typer.echo("  ".join(map(str, row)), err=True)
    else:
        tables.show(("what", "value", "times", "e.g. ticket"), rows, nothing="")
    more = len(listed) - len(rows) + (1 if report.others else 0)
    if more:
        typer.echo(f"and {more} more kinds: --json lists them", err=True)
