"""The commands on tickets by group, each declared beside its decision.

Importing this package declares them all; a command is imported from its module.
"""

# Commands are listed in the order of their declaration: in the API, in `allowed`, on the pages.
# isort: off
from intake.domain.commands import (
    coverage,
    conversation,
    meetings,
    progress,
    relations,
    reviews,
    milestones,
    promises,
    services,
    participants,
    maintenance,
)

# isort: on
from intake.domain.command_registry import Command, Declaration, declarations
from intake.domain.ticket import CommandContext, Decision, Refusal, Ticket, refused

__all__ = [
    "Command",
    "Declaration",
    "coverage",
    "conversation",
    "decide",
    "declarations",
    "maintenance",
    "meetings",
    "milestones",
    "participants",
    "progress",
    "promises",
    "relations",
    "reviews",
    "services",
]


def decide(ticket: Ticket, command: Command, context: CommandContext) -> Decision | Refusal:
    """Decide what the command does to the ticket. Total: every command on every ticket gives a
    Decision, or a Refusal that says what is allowed instead."""
    return refused(ticket, command.action, context) or command.decide(ticket, context)
