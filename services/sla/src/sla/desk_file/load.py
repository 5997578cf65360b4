"""A desk's `sla.yaml`: read, checked, compiled; its template and its JSON Schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pledge.runtime.config.yaml_file import Document, FileProblem, Problem, validate_document
from pledge.runtime.config.yaml_file import load as load_yaml
from pledge.runtime.config.yaml_file import parse as parse_yaml
from sla.desk_file.compile import Compiler
from sla.desk_file.model import PolicyFile
from sla.desk_file.template import DESK_TEMPLATE
from sla.domain.policy.policy import Policy

__all__ = [
    "DESK_TEMPLATE",
    "PolicyError",
    "PolicyFile",
    "check",
    "check_desk_file",
    "json_schema",
    "load",
    "parse",
    "read",
]


class PolicyError(ValueError):
    """The file makes no policy; `problems` says where and why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


def read(document: Document) -> tuple[Policy | None, list[Problem]]:
    """The policy of a file, and all its problems; None when one of them is an error."""
    file, problems = validate_document(document, PolicyFile)
    if file is None:
        return None, problems
    compiler = Compiler(document, file, file.desk or document.file.absolute().parent.name)
    policy = compiler.compile()
    return policy, sorted(compiler.problems, key=lambda one: (one.line, one.column))


def load(path: Path) -> Policy:
    """The policy in the file `path`. Raises PolicyError, with every problem."""
    try:
        return _policy(load_yaml(path))
    except FileProblem as error:
        raise PolicyError([error.problem]) from error


def parse(text: str, path: Path) -> Policy:
    """The policy that `text` says; `path` is what problems name, its folder the desk.

    Raises PolicyError, with every problem.
    """
    try:
        return _policy(parse_yaml(text, path))
    except FileProblem as error:
        raise PolicyError([error.problem]) from error


def check(path: Path) -> list[Problem]:
    """Everything wrong with a file of promises, and warnings; raises nothing for a wrong file."""
    try:
        return read(load_yaml(path))[1]
    except FileProblem as error:
        return [error.problem]


def check_desk_file(path: Path) -> list[Problem]:
    """`check`, and whether the file stands in its desk's folder: there it serves that desk."""
    try:
        document = load_yaml(path)
    except FileProblem as error:
        return [error.problem]
    problems = read(document)[1]
    said = document.data.get("desk") if isinstance(document.data, dict) else None
    folder = path.absolute().parent.name
    if isinstance(said, str) and said != folder:
        message = f"the file says desk `{said}` but stands in the folder `{folder}`"
        hint = "the folder's name is the desk's id"
        problems = [document.problem(("desk",), message, hint), *problems]
    return problems


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `sla.yaml`, for editors."""
    schema = PolicyFile.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Promises of a desk (sla.yaml)"
    return schema


def _policy(document: Document) -> Policy:
    policy, problems = read(document)
    if policy is None:
        raise PolicyError([problem for problem in problems if problem.severity == "error"])
    return policy
