"""Who somebody was, and what they wrote, is gone; when what happened is not."""

from __future__ import annotations

import pytest

from intake.domain.erasure import ERASED, Person, erased, erased_text, is_theirs, names_of

ANN = Person("ann@x.example", frozenset(("Ann Example", "Ann")))
OPENED = {
    "ticket_number": "VIR-1",
    "occurred_at": "2026-11-20T09:00:00Z",
    "channel": "email",
    "subject_line": "Ann cannot sign in",
    "requester": {"name": "Ann Example", "email": "Ann@x.example", "zone": "Europe/Berlin"},
    "participants": [{"name": "Bob", "email": "bob@x.example"}],
    "text": "It is I, Ann.",
    "fields": {"version": "8.4"},
    "attachments": [{"name": "ann.png", "key": "k", "sha256": "a"}],
    "severity": "high",
}


def test_of_ones_own_words_nothing_is_left_and_the_rest_stays() -> None:
    assert erased(OPENED, ANN, all_words=True) == {
        "ticket_number": "VIR-1",
        "occurred_at": "2026-11-20T09:00:00Z",
        "channel": "email",
        "subject_line": ERASED,
        "requester": {"zone": "Europe/Berlin", "name": ERASED},
        "participants": [{"name": "Bob", "email": "bob@x.example"}],
        "text": ERASED,
        "fields": {"version": ERASED},
        "attachments": [],
        "severity": "high",
    }


def test_out_of_others_words_the_address_and_long_names_are_taken() -> None:
    note = {
        "by": {"kind": "agent", "id": "tom", "name": "Tom"},
        "text": "Ann Example <ANN@x.example> called; joann@x.example, ann@x.example.org not.",
        "delivery": "m:ann@x.example",
    }
    assert erased(note, ANN, all_words=False) == {
        "by": {"kind": "agent", "id": "tom", "name": "Tom"},
        "text": f"{ERASED} <{ERASED}> called; joann@x.example, ann@x.example.org not.",
        "delivery": f"m:{ERASED}",
    }


def test_a_name_that_is_a_word_of_ours_spoils_no_record() -> None:
    email = Person("e@x.example", frozenset(("email", "high")))
    data = {"channel": "email", "severity": "high", "text": "high time for an email"}
    found = erased(data, email, all_words=False)
    assert found == {
        "channel": "email", "severity": "high", "text": f"{ERASED} time for an {ERASED}",
    }  # fmt: skip


def test_who_acts_for_the_requester_is_nobody_afterwards() -> None:
    actor = {"kind": "requester", "id": "ann@x.example", "name": "Ann"}
    assert erased({"by": actor}, ANN, all_words=False) == {
        "by": {"kind": "requester", "id": ERASED, "name": ERASED}
    }


def test_names_are_learned_from_the_records_and_regex_marks_in_them_are_text() -> None:
    odd = Person("a+b@x.example")
    records = [{"requester": {"name": "A. (B", "email": "a+b@x.example"}},
               {"to": [{"name": "Other", "email": "o@x.example"}]}]  # fmt: skip
    names = names_of(records, odd)
    assert names == {"A. (B"}
    assert (
        erased_text("A. (B said a+b@x.example", Person(odd.key, names)) == f"{ERASED} said {ERASED}"
    )


@pytest.mark.parametrize(("data", "theirs"), [
    ({"requester": {"email": "ANN@x.example"}}, True),
    ({"by": {"kind": "requester", "id": "ann@x.example"}}, True),
    ({"to": [{"email": "bob@x.example"}, {"email": "ann@x.example"}]}, True),
    ({"to": "ann@x.example"}, False), ({"text": "ann@x.example"}, False), ({}, False),
    ({"requester": {"phone": "+15550100"}}, False),
])  # fmt: skip
def test_a_fact_is_theirs_if_they_wrote_it_or_were_told_it(
    data: dict[str, object], theirs: bool
) -> None:
    assert is_theirs(data, ANN) is theirs


@pytest.mark.parametrize(("text", "is_in"), [
    ("x\nann@x.example\n", True), ("<ann@x.example>", True), ("Write to ann@x.example.", True),
    ("joann@x.example", False), ("ann@x.example.org", False), ("ann@x.example-b.org", False),
    ("", False),
])  # fmt: skip
def test_one_address_is_no_part_of_another(text: str, is_in: bool) -> None:
    assert ANN.is_in({"data": [text]}) is is_in
