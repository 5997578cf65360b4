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
from sla.desk_file.check import check_file
from sla.desk_file.load import Compiler
from sla.desk_file.model import PolicyFile
from sla.desk_file.summary import summary_of
from sla.domain.policy.policy import Policy

FILE_NAME = "sla.yaml"


@dataclass(frozen=True, slots=True)
class SlaFile:
    """A file that makes a policy, with the file's text."""

    document: Document
    model: PolicyFile
    policy: Policy


def read(document: Document) -> tuple[Policy | None, list[Problem]]:
    """The policy of a file, and all its problems; None when one of them is an error."""
    _, policy, problems = _checked(document)
    return policy, problems


def load(path: Path) -> Policy:
    """The policy in the file `path`. Raises DeskFileError, with every problem."""
    return _usable(*read(load_yaml(path)))


def parse(text: str, path: Path) -> Policy:
    """The policy that `text` says; `path` is what problems name, its folder the desk.

    Raises DeskFileError, with every problem.
    """
    return _usable(*read(parse_yaml(text, path)))


def parse_stored(text: str, path: Path) -> Policy:
    """The policy that `text` says, which was in force: compiled without what is checked in a new
    file. Raises DeskFileError, with what keeps it from being compiled."""
    document = parse_yaml(text, path)
    model, problems = validate_document(document, PolicyFile)
    if model is None:
        raise DeskFileError(problems)
    compiler = Compiler(document, model, model.desk or desk_of(path))
    return _usable(compiler.compile(), compiler.findings.problems)


def load_desk(path: Path) -> tuple[SlaFile | None, list[Problem]]:
    """The desk's file at `path`, and all problems of it.

    Only here the file must be in the folder of the desk that it names: there it serves that desk.
    """
    try:
        document = load_yaml(path)
    except DeskFileError as error:
        return None, list(error.problems)
    model, policy, problems = _checked(document)
    if model is None:
        return None, problems
    problems = in_file_order([*problems, *check_folder_name(document, model)])
    return (None if policy is None else SlaFile(document, model, policy)), problems


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


def _usable(policy: Policy | None, problems: list[Problem]) -> Policy:
    if policy is None:
        raise DeskFileError(errors_of(problems))
    return policy


def _checked(document: Document) -> tuple[PolicyFile | None, Policy | None, list[Problem]]:
    """The file's model, its policy if nothing in it is an error, and all its problems."""
    model, problems = validate_document(document, PolicyFile)
    if model is None:
        return None, None, problems
    compiler = Compiler(document, model, model.desk or desk_of(document.file))
    policy, findings = compiler.compile(), compiler.findings
    check_file(model, policy, findings)
    is_usable = not errors_of(findings.problems)
    return model, policy if is_usable else None, in_file_order(findings.problems)
