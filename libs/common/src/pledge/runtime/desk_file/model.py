"""What the models of all desk files share: the base class, names, zones, addresses, lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from pledge.runtime.desk_file.zones import UnknownZone, iana_zone


class Part(BaseModel):
    """A part of a desk's file: frozen, and a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Like:
    """Put in a text's `Annotated`: its regular expression, and how an error says it to people."""

    pattern: str
    expected: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check the text after all else."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Show the expression to editors."""
        return {**handler(schema), "pattern": self.pattern}

    def _check(self, value: str) -> str:
        if re.fullmatch(self.pattern, value) is None:
            raise ValueError(f"should be {self.expected}")
        return value


def _zone(value: str) -> str:
    try:
        iana_zone(value)
    except UnknownZone as error:
        raise ValueError(f"{error.what}; {error.hint}") from error
    return value


def one_or_more(value: object) -> object:
    """A single text in place of a list of one."""
    return [value] if isinstance(value, str) else value


Zone = Annotated[str, AfterValidator(_zone)]
"""An IANA name such as Europe/Berlin."""

Slug = Annotated[
    str,
    Like(
        r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$",
        "at most 63 small letters, digits and dashes, such as first-line",
    ),
]
"""Small letters, digits and dashes, as in a desk's id."""

WebAddress = Annotated[
    str,
    Field(max_length=2000),
    Like(r"^https?://[^\s/]+(/\S*)?$", "a web address such as https://help.desk.example"),
]

Words = Annotated[list[str], BeforeValidator(one_or_more)]
"""One text or a list of texts."""
