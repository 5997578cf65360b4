"""A desk's `sla.yaml`: read, checked, compiled; its JSON Schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pledge.runtime.desk_file.load import check_folder_name, desk_of
from pledge.runtime.desk_file.problem import DeskFileError, Problem, errors_of, in_file_order
from pledge.runtime.desk_file.yaml_file import Document, validate_document
from pledge.runtime.desk_file.yaml_file import load as load_yaml
from pledge.runtime.desk_file.yaml_file import parse as parse_yaml
from sla.desk_file.compile import Compiler
from sla.desk_file.model import PolicyFile
from sla.domain.policy.policy import Policy

FILE_NAME = "sla.yaml"


def read(document: Document) -> tuple[Policy | None, list[Problem]]:
    """The policy of a file, and all its problems; None when one of them is an error."""
    file, problems = validate_document(document, PolicyFile)
    if file is None:
        return None, problems
    compiler = Compiler(document, file, file.desk or desk_of(document.file))
    policy = compiler.compile()
    return policy, in_file_order(compiler.problems)


def load(path: Path) -> Policy:
    """The policy in the file `path`. Raises DeskFileError, with every problem."""
    return _policy(load_yaml(path))


def parse(text: str, path: Path) -> Policy:
    """The policy that `text` says; `path` is what problems name, its folder the desk.

    Raises DeskFileError, with every problem.
    """
    return _policy(parse_yaml(text, path))


def load_desk(path: Path) -> tuple[tuple[Policy, str] | None, list[Problem]]:
    """The policy of the desk's file at `path` with the file's text, and all problems.

    Only here it matters whether the file stands in its desk's folder: there it serves that desk.
    """
    try:
        document = load_yaml(path)
    except DeskFileError as error:
        return None, list(error.problems)
    file, problems = validate_document(document, PolicyFile)
    if file is None:
        return None, problems
    compiler = Compiler(document, file, file.desk or desk_of(path))
    policy = compiler.compile()
    problems = in_file_order([*check_folder_name(document, file), *compiler.problems])
    return (policy, document.text) if policy else None, problems


def check_desk_file(path: Path) -> list[Problem]:
    """Everything wrong with a desk's file, and warnings; raises nothing for a wrong file."""
    return load_desk(path)[1]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `sla.yaml`, for editors."""
    schema = PolicyFile.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Promises of a desk (sla.yaml)"
    return schema


def _policy(document: Document) -> Policy:
    policy, problems = read(document)
    if policy is None:
        raise DeskFileError(errors_of(problems))
    return policy
