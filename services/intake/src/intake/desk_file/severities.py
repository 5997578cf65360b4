"""The part of `intake.yaml` about severities, and the words that stand beside the choice."""

from collections.abc import Iterable

from intake.desk_file.admission import Label
from intake.desk_file.common import Name, Part, Text
from intake.domain.desk import Level


class SeverityDefinition(Part):
    """A severity with the words that stand beside the choice in triage; `also` are other words by
    which requesters name it."""

    name: Name
    title: Text
    definition: Text
    examples: tuple[Text, ...] = ()
    also: tuple[Label, ...] = ()


def levels_of(severities: Iterable[SeverityDefinition]) -> tuple[Level, ...]:
    """The severities as the pages show them (VIR-16, SIS-16, SMS-06)."""
    return tuple(
        Level(each.name, each.title, each.definition, each.examples) for each in severities
    )
