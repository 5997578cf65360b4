"""The section `files` of `intake.yaml`: what is taken, and how long it is kept."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from intake.desk_file.common import Text
from intake.domain.files import MEGABYTE, FileRules
from pledge.runtime.desk_file.model import Part
from pledge.runtime.durations import Duration

_SIZE: Final = re.compile(r"([0-9]{1,4}(?:\.[0-9])?) ?(kB|MB)")
_BYTES: Final = {"kB": 1_000, "MB": MEGABYTE}
_LARGEST: Final = 200 * MEGABYTE
_EXPECTED: Final = "should be a size with its unit, such as 500 kB or 20 MB, of up to 200 MB"


def _size(value: object) -> Any:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    size = int(float(match[1]) * _BYTES[match[2]]) if match else 0
    if not 0 < size <= _LARGEST:
        raise ValueError(_EXPECTED)
    return size


Size = Annotated[
    int,
    BeforeValidator(_size),
    WithJsonSchema({"type": "string", "examples": ["500 kB", "20 MB"]}),
]
"""Bytes, written with a unit."""


class FilesSection(Part):
    """Sizes and numbers of files, what is said where they are too much, and for how long whole
    messages and files are kept (files without a time: as long as their tickets)."""

    largest: Size | None = None
    most: int | None = Field(default=None, ge=1, le=200)
    advice: Text | None = None
    keep_messages: Duration = timedelta(days=365)
    keep_files: Duration | None = None


def file_rules_of(section: FilesSection) -> FileRules:
    """The section as the domain's value."""
    return FileRules(
        largest=section.largest,
        most=section.most,
        advice=section.advice or "",
        keep_messages=section.keep_messages,
        keep_files=section.keep_files,
    )
