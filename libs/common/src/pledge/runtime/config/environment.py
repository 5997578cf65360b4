"""Reads the environment in one place, and checks it before anything starts.

A class of settings only describes its values; `load_settings` is what reads the environment.
Building a class directly (`SlaSettings(dsn=...)`, as tests do) reads nothing but its arguments.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo

from pledge.runtime.config.error_messages import in_words
from pledge.runtime.durations import parse_duration

# A mounted secret is a line; a file far longer than that was mounted by mistake.
LONGEST_SECRET_FILE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Variable:
    """Put in a field's `Annotated`: the whole name of its variable, in place of prefix + field."""

    name: str


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """One variable that is missing or wrong; `message` says what is wrong with it."""

    variable: str
    message: str
    example: str | None = None

    def __str__(self) -> str:
        """`VARIABLE: what is wrong (for example VARIABLE=value)`."""
        example = f" (for example {self.variable}={self.example})" if self.example else ""
        return f"{self.variable}: {self.message}{example}"


class SettingsError(Exception):
    """The environment does not describe a runnable process; every problem is in `problems`."""

    def __init__(self, problems: list[SettingProblem]) -> None:
        self.problems = problems
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"the configuration is not complete:\n{lines}")


class EnvironmentSettings(BaseModel):
    """Base of all settings: frozen, filled from arguments, which `load_settings` passes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, arbitrary_types_allowed=True
    )

    env_prefix: ClassVar[str] = ""
    """What the variables' names begin with: the field `dsn` is `PLEDGE_SLA_DSN`."""


S = TypeVar("S", bound=EnvironmentSettings)


def load_settings(cls: type[S], environ: Mapping[str, str] | None = None) -> S:
    """Read `cls` from `environ` (by default the process's), each value as NAME or in NAME_FILE.

    Raises SettingsError, naming every variable that is missing or wrong at once.
    """
    found, problems = _read(cls, os.environ if environ is None else environ)
    wrong = {problem.variable.removesuffix("_FILE") for problem in problems}
    try:
        settings = cls.model_validate(found)
    except ValidationError as error:
        invalid = list(_problems(cls, error))
        problems += [problem for problem in invalid if problem.variable not in wrong]
        raise SettingsError(problems) from None
    if problems:
        raise SettingsError(problems)
    return settings


def variable_of(cls: type[EnvironmentSettings], name: str) -> str:
    """The environment variable of the field `name`."""
    field = cls.model_fields[name]
    for extra in field.metadata:
        if isinstance(extra, Variable):
            return extra.name
    return f"{cls.env_prefix}{name}".upper()


def variables_of(cls: type[EnvironmentSettings]) -> dict[str, FieldInfo]:
    """Every variable that `cls` reads, with the field it fills."""
    return {variable_of(cls, name): field for name, field in cls.model_fields.items()}


def misspelt(cls: type[EnvironmentSettings], environ: Mapping[str, str]) -> list[SettingProblem]:
    """Variables with our prefix that nobody reads but that look much like one somebody does.

    Others with the prefix are left alone: Kubernetes, for one, adds its own (`…_SERVICE_HOST`).
    """
    prefix = cls.env_prefix.upper()
    known = [name + end for name in variables_of(cls) for end in ("", "_FILE")]
    unknown = [name for name in environ if name.startswith(prefix) and name not in known]
    return [
        SettingProblem(name, f"is not a setting; did you mean {close[0]}?")
        for name in (sorted(unknown) if prefix else [])
        if (close := difflib.get_close_matches(name, known, n=1, cutoff=0.88))
    ]


def _read(
    cls: type[EnvironmentSettings], environ: Mapping[str, str]
) -> tuple[dict[str, str], list[SettingProblem]]:
    found: dict[str, str] = {}
    problems: list[SettingProblem] = []
    variables = {variable_of(cls, name): name for name in cls.model_fields}
    for variable, name in variables.items():
        file_variable = f"{variable}_FILE"
        value = environ.get(variable, "")
        path = environ.get(file_variable, "") if file_variable not in variables else ""
        if value and path:
            problems.append(SettingProblem(variable, f"is set and so is {file_variable}; keep one"))
        elif path:
            try:
                found[name] = _read_secret(Path(path))
            except (OSError, ValueError) as error:
                problems.append(SettingProblem(file_variable, f"can't be used: {error}"))
        elif value:
            found[name] = value
    return found, problems


def _read_secret(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(LONGEST_SECRET_FILE + 1)
    if len(content) > LONGEST_SECRET_FILE:
        raise ValueError(f"{path} is longer than {LONGEST_SECRET_FILE} bytes")
    text = content.decode("utf-8").rstrip("\r\n")
    if not text:
        raise ValueError(f"{path} is empty")
    return text


def _problems(cls: type[EnvironmentSettings], error: ValidationError) -> Iterator[SettingProblem]:
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        message = detail["msg"].removeprefix("Value error, ")
        if name not in cls.model_fields:
            # A rule over several variables names the first of them at its beginning.
            yield SettingProblem(*message.split(" ", 1))
            continue
        field = cls.model_fields[name]
        example = str(field.examples[0]) if field.examples else None
        if detail["type"] == "missing":
            message = "is not set; it is " + (field.description or "needed")
        else:
            hidden = field.annotation is SecretStr or field.repr is False
            given = "" if hidden else f" (it is {str(detail['input'])[:80]!r})"
            message = f"{in_words(detail)}{given}"
        yield SettingProblem(variable_of(cls, name), message, example)


def _seconds(value: object) -> object:
    """Read `30` and `2.5` as seconds, and `1h30m`; pydantic reads the rest, such as ISO 8601."""
    if isinstance(value, str):
        try:
            return timedelta(seconds=float(value))
        except (ValueError, OverflowError):
            found = parse_duration(value)
            return value if found is None else found
    return value


Seconds = Annotated[timedelta, BeforeValidator(_seconds)]
"""A duration: a number of seconds, or with units (`1h30m`), or ISO 8601 (`PT30S`)."""


def _base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")) or any(c.isspace() for c in value):
        raise ValueError("must be a URL that starts with http:// or https://")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]
"""An http(s) URL, kept without a slash at its end."""


def _json(value: object) -> object:
    """Read a JSON object or list given as text."""
    if not isinstance(value, str):
        return value
    try:
        found: Any = json.loads(value)
    except ValueError as error:
        raise ValueError(f"must be JSON: {error}") from error
    return found


JSON_TEXT = BeforeValidator(_json)
"""Put in a field's `Annotated`: an object or list, which its variable holds as JSON."""
