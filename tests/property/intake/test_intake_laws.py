"""Laws of intake: order and duplicates change nothing, facts are counted, any bytes are a mail."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from itertools import pairwise
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from intake.domain.admission.open_ticket import open_ticket
from intake.domain.apply_delivery import apply_delivery
from intake.domain.command_registry import Command, State, allowed_in
from intake.domain.commands import decide
from intake.domain.commands.conversation import (
    AttemptContact,
    CompleteInformation,
    Note,
    RecordReply,
    Reply,
    RequestInformation,
)
from intake.domain.commands.progress import (
    Assign,
    Close,
    LinkIncident,
    ProvideWorkaround,
    Reopen,
    Resolve,
    Resume,
    Triage,
    Wait,
    WaitingFor,
)
from intake.domain.reply_address import ReplyAddresses
from intake.domain.text import one_line, paragraphs
from intake.domain.thread_matching import Delivery, Key, read_delivery, route
from intake.domain.ticket import CommandContext, Decision, Ticket
from intake.mail.description import describe
from intake.mail.headers import decode_words
from intake.mail.html_text import html_to_text
from intake.mail.parse import MAX_SUBJECT, MAX_TEXT, UNKNOWN, read_mail
from pledge.events import Authentication, Contact, EmailMessageReceived, TicketEvent
from pledge.runtime.auth.link_signer import LinkSigner
from unit.intake.builders import ADDRESSES, ANN, NINE, TOM, a_desk, a_ticket, at, is_storable

DESK = a_desk()


class InMemoryIntake:
    """Intake without broker and database: the same pure functions in the same order."""

    def __init__(self) -> None:
        self.seen: set[Key] = set()
        self.threads: dict[Key, UUID] = {}
        self.tickets: dict[UUID, Ticket] = {}
        self.facts: list[TicketEvent] = []
        self.ticket_of: dict[str, UUID] = {}

    def take(self, batch: Sequence[Delivery]) -> None:
        fresh = []
        for delivery in batch:
            if delivery.key not in self.seen:
                self.seen.add(delivery.key)
                fresh.append(delivery)
        ids = iter(range(len(self.tickets) + 1, 10_000))
        routed, new_threads = route(fresh, self.threads, self.tickets, lambda: UUID(int=next(ids)))
        self.threads |= new_threads
        for way in routed:
            if way.ticket_id is None:
                continue
            decision = self._decide(way.delivery, way.ticket_id, opens=way.opens)
            self.tickets[way.ticket_id] = decision.ticket
            self.facts += decision.events
            self.ticket_of[way.delivery.event.delivery] = way.ticket_id

    def _decide(self, delivery: Delivery, ticket_id: UUID, *, opens: bool) -> Decision:
        if opens:
            number = f"VIR-{len(self.tickets) + 1}"
            return open_ticket(
                delivery, ticket_id=ticket_id, number=number, reply_to="r@x.example", now=at(60)
            )
        return apply_delivery(self.tickets[ticket_id], delivery, now=at(60))

    def groups(self) -> set[frozenset[str]]:
        """Which deliveries are together, whatever their tickets are called."""
        by_ticket: dict[UUID, set[str]] = {}
        for delivery, ticket in self.ticket_of.items():
            by_ticket.setdefault(ticket, set()).add(delivery)
        return {frozenset(each) for each in by_ticket.values()}


def a_mail(thread: int, place: int, parents: Sequence[int], auto: bool = False) -> Delivery:
    """The mail at `place` of a thread; its References name the whole way to the root."""
    references = tuple(f"<{thread}.{each}@x.example>" for each in parents)
    event = EmailMessageReceived(
        desk="vircom",
        occurred_at=NINE + timedelta(seconds=place),
        recorded_at=NINE + timedelta(seconds=place),
        delivery=f"{thread}.{place}",
        conversation=str(thread),
        authentication=Authentication(result="none"),
        message_id=f"<{thread}.{place}@x.example>",
        in_reply_to=references[-1] if references else None,
        references=references,
        sender=ANN,
        recipients=("support@vircom.example",),
        is_auto_submitted=auto,
    )
    return read_delivery(event, "cause", DESK, ADDRESSES)


@st.composite
def threads(draw: st.DrawFn) -> list[Delivery]:
    """Mails of a few threads, each a tree of answers."""
    mails = []
    for thread in range(draw(st.integers(1, 3))):
        ways: list[list[int]] = [[]]
        mails.append(a_mail(thread, 0, ()))
        for place in range(1, draw(st.integers(1, 5))):
            parent = draw(st.integers(0, place - 1))
            way = [*ways[parent], parent]
            ways.append(way)
            mails.append(a_mail(thread, place, way))
    return mails


def batches(items: Sequence[Delivery], cuts: Iterable[int]) -> list[Sequence[Delivery]]:
    edges = [0, *sorted({each % (len(items) + 1) for each in cuts}), len(items)]
    return [items[one:two] for one, two in pairwise(edges)]


@given(threads(), st.data())
def test_any_order_and_any_duplicates_give_the_same_tickets(
    mails: list[Delivery], data: st.DataObject
) -> None:
    expected = InMemoryIntake()
    expected.take(mails)
    doubled = mails + data.draw(st.lists(st.sampled_from(mails), max_size=6))
    shuffled = data.draw(st.permutations(doubled))
    books = InMemoryIntake()
    for batch in batches(shuffled, data.draw(st.lists(st.integers(0, 40), max_size=4))):
        books.take(batch)
    assert books.groups() == expected.groups()
    assert len(books.facts) == len(expected.facts)


@given(threads(), st.data())
def test_where_batches_are_cut_changes_nothing(mails: list[Delivery], data: st.DataObject) -> None:
    whole, cut = InMemoryIntake(), InMemoryIntake()
    whole.take(mails)
    for batch in batches(mails, data.draw(st.lists(st.integers(0, 40), max_size=6))):
        cut.take(batch)
    assert cut.groups() == whole.groups()
    assert [each.type for each in cut.facts] == [each.type for each in whole.facts]


@given(threads(), st.data())
def test_machines_open_nothing_and_wake_nobody(mails: list[Delivery], data: st.DataObject) -> None:
    machine = a_mail(9, 0, (), auto=True)
    answer = a_mail(0, 99, (0,), auto=True)
    books = InMemoryIntake()
    books.take(mails)
    before = books.groups()
    books.tickets = {
        each: replace(ticket, state=State.CLOSED) for each, ticket in books.tickets.items()
    }
    books.take(data.draw(st.permutations([machine, answer])))
    assert len(books.tickets) == len(before)
    assert {each.state for each in books.tickets.values()} == {State.CLOSED}
    assert books.facts[-1].type == "pledge.ticket.noted.v1"


TEXTS = st.text(max_size=20)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(Triage, severity=st.sampled_from(["p1", "p2", "p3", "p9", None])),
    st.builds(Reply, text=TEXTS, channel=st.sampled_from(["email", "phone"])),
    st.builds(Note, text=TEXTS),
    st.builds(AttemptContact, channel=st.just("phone"), reached=st.booleans()),
    st.builds(Resolve, fixed_in_release=st.booleans()),
    st.builds(Reopen),
    st.builds(Close),
    st.builds(Wait, waiting_for=st.sampled_from(WaitingFor)),
    st.builds(Resume),
    st.builds(ProvideWorkaround),
    st.builds(RequestInformation, missing=st.lists(TEXTS, max_size=2).map(tuple)),
    st.builds(CompleteInformation),
    st.builds(Assign, assignee=st.sampled_from([None, "tom", "eve"])),
    st.builds(LinkIncident, incident_id=st.uuids()),
    st.builds(
        RecordReply,
        by=st.sampled_from([ANN, Contact(email="bob@contoso.example"), Contact()]),
        channel=st.just("email"),
        delivery=TEXTS,
        joins=st.booleans(),
        callback=st.booleans(),
        escalates_to=st.sampled_from([None, "manager"]),
    ),
)


@given(st.lists(st.tuples(COMMANDS, st.integers(-20, 90)), max_size=12), st.booleans())
def test_any_commands_in_any_order_leave_facts_counted_without_gaps(
    story: list[tuple[Command, int]], is_trial: bool
) -> None:
    ticket = a_ticket(is_trial=is_trial)
    for number, (command, minutes) in enumerate(story):
        now = at(number)
        decision = decide(ticket, command, CommandContext(DESK, TOM, at(minutes), now))
        if not isinstance(decision, Decision):
            assert decision.detail
            assert set(decision.allowed) == set(ticket.allowed)
            continue
        assert decision.events
        assert decision.ticket.sequence == ticket.sequence + len(decision.events)
        assert allowed_in(decision.ticket.state)
        assert all(each.recorded_at == now for each in decision.events)
        assert not is_trial or decision.ticket.severity in {"p1", "p2", ticket.severity}
        ticket = decision.ticket


HEADER_NAMES = [
    "From", "To", "Subject", "Date", "Message-ID", "References", "Content-Type",
    "Content-Transfer-Encoding", "MIME-Version", "Auto-Submitted", "Return-Path",
]  # fmt: skip
PIECES = [
    b"text/plain", b"text/html; charset=utf-7", b"multipart/mixed; boundary=a", b"message/rfc822",
    b"base64", b"quoted-printable", b"=?utf-8?b?gA==?=", b"=?\xff?q?x?=", b"<a@b>", b"(((", b"\"",
    b"\r\n ", b"--a\r\n", b"--a--\r\n", b"\0", b"\xed\xa0\x80", b"Mon, 99 Foo 20262 99:99:99 +9999",
    b"name*=utf-16''%ff", b"charset=hex", b";", b":", b"\r\n\r\n",
]  # fmt: skip


@st.composite
def odd_mails(draw: st.DrawFn) -> bytes:
    lines = draw(
        st.lists(
            st.tuples(st.sampled_from(HEADER_NAMES), st.lists(st.sampled_from(PIECES), max_size=4)),
            max_size=8,
        )
    )
    head = b"".join(name.encode() + b": " + b" ".join(parts) + b"\r\n" for name, parts in lines)
    body = draw(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=30)), max_size=10))
    return head + b"\r\n" + b"".join(body)


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=400), odd_mails()))
def test_any_bytes_are_a_mail_that_can_be_stored(raw: bytes) -> None:
    mail = read_mail(raw)
    texts = [mail.subject, mail.text, *mail.references, *mail.headers.values()]
    texts += [part for each in mail.attachments for part in (each.name, each.content_type)]
    texts += [box.address for box in (*mail.to, *mail.cc)]
    assert all(is_storable(each) for each in texts)
    assert len(mail.subject) <= MAX_SUBJECT
    assert len(mail.text) <= MAX_TEXT


TREES = st.recursive(
    st.tuples(
        st.sampled_from([
            b"text/plain; format=flowed", b"text/html", b"text/plain; charset=iso-2022-jp", b"a/b",
            b"message/rfc822", b"application/ms-tnef", b"text/calendar", b"application/pkcs7-mime",
        ]),
        st.sampled_from([b"base64", b"quoted-printable", b"x-uuencode", b"8bit", b""]),
        st.one_of(st.binary(max_size=40), st.sampled_from([
            b"begin 644 a\n#:&D*\nend\n", b"x\x9f\x3e\x22\x01\x00\x02\x05\x90\x06\x00\xff\xff",
            b"\x1b$B-!", b"<a href='https://x.example'>", b"> a \n> b", b"aGk=\n--\nfooter",
        ])),
    ),
    lambda each: st.tuples(st.sampled_from([b"a", b"b", b"ab"]), st.lists(each, max_size=4)),
    max_leaves=8,
)  # fmt: skip


def _as_bytes(tree: Any) -> bytes:
    if len(tree) == 3:
        kind, encoding, content = tree
        head = b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: " + encoding
        return bytes(head + b"\r\n\r\n" + content)
    boundary, parts = tree
    body = b"".join(b"--" + boundary + b"\r\n" + _as_bytes(each) + b"\r\n" for each in parts)
    kind = b"multipart/alternative" if len(parts) % 2 else b"multipart/mixed"
    return bytes(b"Content-Type: " + kind + b"; boundary=" + boundary + b"\r\n\r\n" + body)


@given(TREES, st.integers(0, 400))
def test_parts_in_any_shape_also_cut_off_are_described_and_bounded(tree: Any, cut: int) -> None:
    raw = b"From: eve@x.example\r\n" + _as_bytes(tree)
    for each in (raw, raw[:cut]):
        described = json.loads(json.dumps(describe(each, "m", UNKNOWN)))
        assert sum(file["size"] for file in described["attachments"]) <= 2 * len(each)
        assert len(described["text"]) <= 4 * len(each) + 100


@given(odd_mails())
def test_what_a_relay_adds_does_not_make_it_another_mail(raw: bytes) -> None:
    relayed = b"Received: by one\r\n\tand two\r\nX-Spam: no\r\n" + raw
    assert read_mail(relayed).content_key == read_mail(raw).content_key


@given(st.text(max_size=100), st.integers(5, 50))
def test_texts_are_bounded_and_storable(text: str, limit: int) -> None:
    for made in (one_line(text, limit), paragraphs(text, limit), html_to_text(text)):
        assert len(made) <= max(limit, len(text))
    assert len(one_line(text, limit)) <= limit
    assert is_storable(one_line(text, limit))
    assert is_storable(paragraphs(text, limit))
    decode_words(text)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80))
def test_a_subject_survives_being_encoded(text: str) -> None:
    message = EmailMessage()
    message["Subject"] = text
    assert read_mail(message.as_bytes()).subject == one_line(text, MAX_SUBJECT)


@given(st.uuids(), st.binary(min_size=32, max_size=32), st.text(max_size=60))
def test_reply_addresses_name_their_ticket_and_nothing_else_does(
    ticket: UUID, key: bytes, made_up: str
) -> None:
    addresses = ReplyAddresses(LinkSigner([key]))
    address = addresses.address("support@vircom.example", "vircom", ticket)
    assert addresses.ticket(address, "vircom") == ticket
    assert addresses.ticket(address, "demo") is None
    assert ReplyAddresses(LinkSigner([key + b"x"])).ticket(address, "vircom") is None
    assert addresses.ticket(f"support+{made_up}@vircom.example", "vircom") is None
