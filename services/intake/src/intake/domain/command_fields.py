"""The fields of commands, with the bounds that the API checks and the cleaning that it applies."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from intake.domain.text import one_line, storable
from pledge.events import EXCERPT_LENGTH, LINE_LENGTH

MAX_FILES: Final = 200

Text = Annotated[
    str, StringConstraints(min_length=1, max_length=EXCERPT_LENGTH), AfterValidator(storable)
]
LongText = Annotated[str, StringConstraints(max_length=EXCERPT_LENGTH), AfterValidator(storable)]
"""Like Text, and may be empty."""
Line = Annotated[str, StringConstraints(max_length=LINE_LENGTH), AfterValidator(storable)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(storable)]
Subject = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300),
    AfterValidator(lambda text: one_line(text, 300)),
]
Files = Annotated[tuple[UUID, ...], Field(max_length=MAX_FILES)]
"""The ids of files that were uploaded for the words."""
Channel: TypeAlias = Literal["email", "chat", "phone", "portal"]
"""The channels in, each with a topic `channel.<name>.v1`."""

INTERNAL: Final[Mapping[str, Any]] = {"internal": True}
"""Metadata of a field that the product sets and no agent sends."""
