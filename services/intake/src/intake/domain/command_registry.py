"""The commands on a ticket: each is declared once, with `@command`, beside its decision.

The declaration gives the API's route and request body, the form's fields, the states that allow the
command, and the words that the portal shows for its events.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from intake.domain.history_words import Reader

if TYPE_CHECKING:
    from intake.domain.ticket import CommandContext, Decision, Refusal, Ticket


class State(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    WAITING_ON_CUSTOMER = "waiting_on_customer"
    CUSTOMER_UNAVAILABLE = "customer_unavailable"
    RESOLVED = "resolved"
    CLOSED = "closed"


WAITING: Final = frozenset((State.WAITING_ON_CUSTOMER, State.CUSTOMER_UNAVAILABLE))
FINISHED: Final = frozenset((State.RESOLVED, State.CLOSED))
UNFINISHED: Final = frozenset(State) - FINISHED
NOT_CLOSED: Final = frozenset(State) - {State.CLOSED}
# What happened before the end may be reported after it: a call is logged an hour later. Feedback
# and its review outlive the ticket's end (INF-11 to INF-13), and it is followed up at any age.
ANY_STATE: Final = frozenset(State)


@dataclass(frozen=True, slots=True)
class Command:
    """The common type of all commands. ``action`` is its name in the API."""

    action: ClassVar[str]

    def decide(self, ticket: "Ticket", context: "CommandContext") -> "Decision | Refusal":
        """Decide what the command does to a ticket on which it is allowed. Pure and total."""
        raise AssertionError(f"{type(self).__name__} is not decided on one ticket alone")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known of a command. ``applies_to`` says whether the ticket has something to do it
    with; ``is_internal`` that no agent gives it."""

    action: str
    command: type[Command]
    states: frozenset[State]
    applies_to: "Callable[[Ticket], bool]"
    is_internal: bool = False
    history: Mapping[str, Reader] = field(default_factory=dict)


_DECLARED: Final[dict[str, Declaration]] = {}
_Declared = TypeVar("_Declared", bound=type[Command])


def command(
    action: str,
    *,
    states: frozenset[State] = UNFINISHED,
    applies_to: "Callable[[Ticket], bool]" = lambda _: True,
    is_internal: bool = False,
    history: Mapping[str, Reader] | None = None,
) -> Callable[[_Declared], _Declared]:
    """Declare a command: its name in the API, the states that allow it, and how the portal words
    its events, by their short type names; events without words are not shown there."""

    def declare(declared: _Declared) -> _Declared:
        assert action not in _DECLARED, f"{action} is declared twice"
        declared.action = action
        _DECLARED[action] = Declaration(
            action, declared, states, applies_to, is_internal, history or {}
        )
        return declared

    return declare


def declarations() -> Mapping[str, Declaration]:
    """All commands by their actions, once `intake.domain.commands` is imported."""
    assert _DECLARED, "import intake.domain.commands first"
    return _DECLARED


def allowed_in(state: State) -> tuple[str, ...]:
    """What an agent may do with a ticket in the state, by the names of the API."""
    return tuple(
        sorted(
            each.action
            for each in declarations().values()
            if state in each.states and not each.is_internal
        )
    )
