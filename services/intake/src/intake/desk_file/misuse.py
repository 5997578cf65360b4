"""The part of `intake.yaml` about lines that are for some severities only (SMS-05)."""

from collections.abc import Collection, Iterator

from pydantic import Field

from intake.desk_file.common import Name, Part
from intake.domain.misuse import MisuseRule
from pledge.runtime.config.yaml_file import Document, Problem


class MisuseEntry(Part):
    """What came by one of `lines` and is triaged as another severity is recorded as misuse."""

    name: Name
    lines: tuple[str, ...] = Field(min_length=1)
    only_for: tuple[Name, ...] = Field(min_length=1)


def misuse_rules_of(entries: tuple[MisuseEntry, ...]) -> tuple[MisuseRule, ...]:
    """The rules as the domain's values."""
    return tuple(
        MisuseRule(each.name, frozenset(each.lines), frozenset(each.only_for)) for each in entries
    )


def check_misuse(
    document: Document,
    entries: tuple[MisuseEntry, ...],
    lines: Collection[str],
    severities: Collection[str],
) -> Iterator[Problem]:
    """Lines and severities that the desk does not have."""
    for index, entry in enumerate(entries):
        for key, names, known in (
            ("lines", entry.lines, lines),
            ("only_for", entry.only_for, severities),
        ):
            for place, name in enumerate(names):
                if name not in known:
                    yield document.problem(
                        ("misuse", index, key, place),
                        f"{name} is not known here",
                        f"one of: {', '.join(known)}",
                    )
