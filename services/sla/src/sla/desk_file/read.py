"""A desk's `sla.yaml`: read, checked, compiled; its JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pledge.runtime.desk_file.load import check_folder_name, desk_of
from pledge.runtime.desk_file.problem import DeskFileError, Problem, errors_of, in_file_order
from pledge.runtime.desk_file.summary import DeskFileReport
from pledge.runtime.desk_file.yaml_file import Document, validate_document
from pledge.runtime.desk_file.yaml_file import load as load_yaml
from pledge.runtime.desk_file.yaml_file import parse as parse_yaml
from sla.desk_file.calendar_data import CalendarData, CalendarSource
from sla.desk_file.check import check_file
from sla.desk_file.load import Compiler
from sla.desk_file.model import PolicyFile
from sla.desk_file.summary import summary_of
from sla.desk_file.version import text_version_of
from sla.domain.policy.policy import Policy

FILE_NAME = "sla.yaml"


@dataclass(frozen=True, slots=True)
class SlaFile:
    """A file that makes a policy, with the file's text and the calendar data that went into it."""

    document: Document
    model: PolicyFile
    policy: Policy
    calendar_data: CalendarData

    @property
    def text_version(self) -> str:
        """The hash of what the file says, whatever its calendars come out as."""
        return text_version_of(self.document.data)


def read(document: Document) -> tuple[Policy | None, list[Problem]]:
    """The policy of a file, and all its problems; None when one of them is an error."""
    _, file, problems = _checked(document, CalendarSource())
    return None if file is None else file.policy, problems


def load(path: Path) -> Policy:
    """The policy in the file `path`. Raises DeskFileError, with every problem."""
    return load_file(path).policy


def parse(text: str, path: Path) -> Policy:
    """The policy that `text` says; `path` is what problems name, its folder the desk.

    Raises DeskFileError, with every problem.
    """
    return read_text(text, path).policy


def load_file(path: Path) -> SlaFile:
    """The file at `path`, whatever its folder is called. Raises DeskFileError as `load` does."""
    _, file, problems = _checked(load_yaml(path), CalendarSource())
    return _usable(file, problems)


def read_text(text: str, path: Path, recorded: CalendarData | None = None) -> SlaFile:
    """The file that `text` says, as `parse` reads it; by calendar data of somebody else if given.

    Raises DeskFileError, with every problem.
    """
    _, file, problems = _checked(parse_yaml(text, path), CalendarSource(recorded))
    return _usable(file, problems)


def read_stored(
    text: str, path: Path, recorded: CalendarData | None = None, version: str | None = None
) -> SlaFile:
    """A version that was in force once, by the calendar data that was recorded with it.

    It is made without what is checked in a new file: raises DeskFileError only where what it
    promises can't be told any more. Without `version` it is named by what its calendars come out
    as.
    """
    source = CalendarSource(recorded, is_stored=True)
    document = parse_yaml(text, path)
    model, problems = validate_document(document, PolicyFile)
    if model is None:
        raise DeskFileError(problems)
    compiler = Compiler(document, model, model.desk or desk_of(path), source, version)
    policy = compiler.compile()
    if policy is None:
        raise DeskFileError(errors_of(compiler.findings.problems))
    return SlaFile(document, model, policy, source.used())


def load_desk(path: Path) -> tuple[SlaFile | None, list[Problem]]:
    """The desk's file at `path`, and all problems of it.

    Only here the file must be in the folder of the desk that it names: there it serves that desk.
    """
    try:
        document = load_yaml(path)
    except DeskFileError as error:
        return None, list(error.problems)
    model, file, problems = _checked(document, CalendarSource())
    if model is None:
        return None, problems
    return file, in_file_order([*problems, *check_folder_name(document, model)])


def check_desk_file(path: Path) -> DeskFileReport:
    """Every problem of the file at `path`, and what the desk's other files may contradict."""
    file, problems = load_desk(path)
    summary = None if file is None else summary_of(file.document, file.model, file.policy)
    return DeskFileReport(problems, summary)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `sla.yaml`, for editors."""
    schema = PolicyFile.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Promises of a desk (sla.yaml)"
    return schema


def _usable(file: SlaFile | None, problems: list[Problem]) -> SlaFile:
    if file is None:
        raise DeskFileError(errors_of(problems))
    return file


def _checked(
    document: Document, source: CalendarSource
) -> tuple[PolicyFile | None, SlaFile | None, list[Problem]]:
    """The file's model, its policy if nothing in it is an error, and all its problems."""
    model, problems = validate_document(document, PolicyFile)
    if model is None:
        return None, None, problems
    compiler = Compiler(document, model, model.desk or desk_of(document.file), source)
    policy, findings = compiler.compile(), compiler.findings
    check_file(model, policy, findings)
    problems = in_file_order(findings.problems)
    if policy is None or errors_of(problems):
        return model, None, problems
    return model, SlaFile(document, model, policy, source.used()), problems
