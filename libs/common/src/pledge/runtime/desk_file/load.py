"""Reads a desk's file once: its content as a model, where each part of it is, every problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from pledge.runtime.desk_file.problem import DeskFileError, Problem, errors_of, in_file_order
from pledge.runtime.desk_file.yaml_file import Document, validate_document
from pledge.runtime.desk_file.yaml_file import load as load_yaml

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Check = Callable[[Document, M], Iterable[Problem]]


@dataclass(frozen=True, slots=True)
class DeskFile(Generic[M]):
    """A file that has the shape of `model`; `problems` are what further checks found in it."""

    document: Document
    model: M
    problems: tuple[Problem, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Whether no problem is more than a warning."""
        return not errors_of(self.problems)


def read_desk_file(
    path: Path, model: type[M], *checks: Check[M]
) -> tuple[DeskFile[M] | None, list[Problem]]:
    """The file at `path`, and all its problems in file order; None when it has another shape.

    Raises nothing for a wrong file.
    """
    try:
        document = load_yaml(path)
    except DeskFileError as error:
        return None, list(error.problems)
    content, problems = validate_document(document, model)
    if content is None:
        return None, problems
    problems = in_file_order(one for check in checks for one in check(document, content))
    return DeskFile(document, content, tuple(problems)), problems


def desk_of(path: Path) -> str:
    """The id of the desk whose file is at `path`: its folder's name."""
    return desk_in(path.parent)


def desk_in(folder: Path) -> str:
    """The id of the desk whose files are in `folder`: the folder's name, however it is given."""
    folder = folder.absolute()
    # Resolved only for `..`: a folder that is a link is a desk by the link's name.
    return folder.resolve().name if folder.name == ".." else folder.name


def check_folder_name(document: Document, model: BaseModel) -> Iterable[Problem]:
    """Whether the file is in the folder of the desk that it names in `desk`, if it names one."""
    named, folder = getattr(model, "desk", None), desk_of(document.file)
    if named is not None and named != folder:
        message = f"the file is of the desk `{named}` but in the folder `{folder}`"
        hint = f"write `desk: {folder}`, or rename the folder: its name is the desk's id"
        yield document.problem(("desk",), message, hint)


def load_each(
    folder: Path, file_name: str, load: Callable[[Path], tuple[T | None, list[Problem]]]
) -> tuple[dict[str, T], list[Problem]]:
    """What `load` makes of each desk's file in `folder`, by desk, and the errors of all files."""
    found: dict[str, T] = {}
    errors: list[Problem] = []
    for path in sorted(folder.glob(f"*/{file_name}")):
        loaded, problems = load(path)
        errors += errors_of(problems)
        if loaded is not None:
            found[desk_of(path)] = loaded
    return found, errors
