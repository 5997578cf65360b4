"""Stops automatic answers to an address that got too many: the ticket says so in their place."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import asyncpg

from intake.application.publishing import Answer, Batch, publication_of
from intake.domain import answer_limits
from intake.domain.answer_limits import Unanswered
from intake.domain.answer_rules import AnswerRules
from intake.storage import page_counts
from pledge.events import EmailRequested, TicketEvent

Counted = Callable[[str, str], None]


async def hold_answers(
    connection: asyncpg.Connection, batch: Batch, now: datetime, on_held: Counted
) -> None:
    """Write a note in place of each automatic answer of the batch that is over a limit."""
    by_desk: dict[str, list[Answer]] = {}
    for answer in batch.answers:
        by_desk.setdefault(answer.event.desk, []).append(answer)
    for desk, answers in sorted(by_desk.items()):
        rules = answers[0].arrival.delivery.desk.answers
        found = await _count(connection, [each.event for each in answers], rules, now)
        for answer, why in zip(answers, found, strict=True):
            if why is not None:
                _replace(batch, answer, why, rules)
                batch.after_commit.append(partial(on_held, desk, why.value))
    if by_desk:
        await page_counts.remove_old(connection, now)


async def within_limits(
    connection: asyncpg.Connection, events: Sequence[TicketEvent], rules: AnswerRules, now: datetime
) -> tuple[tuple[TicketEvent, ...], list[Unanswered]]:
    """The facts with a note in place of each automatic answer over a limit, and why they are."""
    answers = [
        each
        for each in events
        if isinstance(each, EmailRequested) and answer_limits.is_counted(each)
    ]
    if not answers:
        return tuple(events), []
    whys = await _count(connection, answers, rules, now)
    notes = {
        answer.email_id: answer_limits.note_of(answer, why, rules)
        for answer, why in zip(answers, whys, strict=True)
        if why is not None
    }
    kept = tuple(
        notes.get(each.email_id, each) if isinstance(each, EmailRequested) else each
        for each in events
    )
    return kept, [why for why in whys if why is not None]


async def _count(
    connection: asyncpg.Connection,
    answers: Sequence[EmailRequested],
    rules: AnswerRules,
    now: datetime,
) -> list[Unanswered | None]:
    asked = Counter(budget.key for each in answers for budget in answer_limits.budgets(each, rules))
    spent = await page_counts.count(connection, asked, now, now + rules.within)
    return answer_limits.held_back(answers, rules, spent)


def _replace(batch: Batch, answer: Answer, why: Unanswered, rules: AnswerRules) -> None:
    note = answer_limits.note_of(answer.event, why, rules)
    batch.publications[answer.index] = publication_of(
        note, answer.arrival.envelope, answer.position, answer.sequence
    )
