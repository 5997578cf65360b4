"""What the models of all desk files share: the base class, names, zones, addresses, lists."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from pledge.runtime.desk_file.zones import UnknownZone, iana_zone

_MACHINE_ZONE = re.compile(r"(posix|right)/.*|posixrules|localtime|Factory")


class Part(BaseModel):
    """A part of a desk's file: frozen, and a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _zone(value: str) -> str:
    if _MACHINE_ZONE.fullmatch(value):
        raise ValueError("is no time zone that every machine has; write one like Europe/Paris")
    try:
        iana_zone(value)
    except UnknownZone as error:
        raise ValueError(f"is no time zone; {error.hint}") from error
    return value


def one_or_more(value: object) -> object:
    """A single text in place of a list of one."""
    return [value] if isinstance(value, str) else value


Zone = Annotated[str, AfterValidator(_zone)]
"""An IANA name such as Europe/Berlin."""

Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
"""Small letters, digits and dashes, as in a desk's id."""

WebAddress = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2000)]

Words = Annotated[list[str], BeforeValidator(one_or_more)]
"""One text or a list of texts."""
