"""The canned answers of `intake.yaml`."""

from collections.abc import Iterable, Iterator

from pydantic import Field

from intake.desk_file.common import Name
from intake.domain.canned_answers import VARIABLES, CannedAnswer, unknown_variables
from pledge.runtime.desk_file.model import Part
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.yaml_file import Document

MAX_TEXT = 5_000


class CannedAnswerEntry(Part):
    """A text that agents insert into a reply. `{{ ticket }}` and its like are filled in; what
    stands behind a bar is said where the ticket does not know it: `{{ requester | customer }}`."""

    name: Name
    title: str = Field(min_length=1, max_length=100)
    text: str = Field(min_length=1, max_length=MAX_TEXT)


def canned_answers_of(entries: Iterable[CannedAnswerEntry]) -> tuple[CannedAnswer, ...]:
    """The texts as the domain's values, in the file's order."""
    return tuple(CannedAnswer(each.name, each.title, each.text.strip()) for each in entries)


def check_canned_answers(
    document: Document, entries: Iterable[CannedAnswerEntry]
) -> Iterator[Problem]:
    """Variables that there are not, and braces that are not closed."""
    for index, entry in enumerate(entries):
        for found in unknown_variables(entry.text):
            yield document.problem(
                ("canned_answers", index, "text"),
                f"`{found}` is no variable",
                f"one of: {', '.join(f'{{{{ {each} }}}}' for each in VARIABLES)}",
            )
