"""Addresses are found by grammar; what encoded-words hold is a name only."""

import pytest

from intake.mail.address_fields import named_addresses
from intake.mail.headers import mailboxes


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("Ann <ann@a.example>, bob@b.example", [("ann@a.example", "Ann"), ("bob@b.example", "")]),
        ("Example, Ann <ann@a.example>; b@b.example (Bob B)",
         [("ann@a.example", "Example, Ann"), ("b@b.example", "Bob B")]),
        ("undisclosed-recipients:;", []),
        ("Team: Ann <ann@a.example>, c@d.example;, e@f.example",
         [("ann@a.example", "Ann"), ("c@d.example", ""), ("e@f.example", "")]),
        ('"Doe, \\"J\\" @ work" <j@d.example>', [("j@d.example", 'Doe, "J" @ work')]),
        ("other@b.example <ann@a.example>", [("ann@a.example", "other@b.example")]),
        ('"never ends <ann@a.example>', [("ann@a.example", "never ends")]),
        ("Ann <ann@a.example", [("ann@a.example", "Ann")]),
        ("ann . x @ a.example", [("ann.x@a.example", "")]),
        ("<@relay1,@relay2:ann@a.example>", [("ann@a.example", "")]),
        ("mailto:ann@a.example", [("ann@a.example", "")]),
        ("Ann ann@a.example", [("ann@a.example", "Ann")]),
        ('"ann b"@a.example', [('"ann b"@a.example', "")]),
        ("(the (nested) Ann) ann@a.example", [("ann@a.example", "the (nested) Ann")]),
        ("'ann@a.example'", [("ann@a.example", "")]),
        ("Jörg <jörg@büro.example>", [("jörg@büro.example", "Jörg")]),
        ("", []),
    ],
)  # fmt: skip
def test_fields_as_mail_programs_write_them(field: str, found: list[tuple[str, str]]) -> None:
    assert [(str(each.address), each.name) for each in named_addresses(field)] == found


@pytest.mark.parametrize("hidden", [
    "x:ada@victim.example,", "ada@victim.example", "<ada@victim.example>", "x;ada@victim.example;",
    "a@victim.example, b", "\"ada@victim.example\"", "(ada@victim.example)",
])  # fmt: skip
@pytest.mark.parametrize("form", [
    "=?utf-8?Q?{}?= <mallory@other.example>", "=?utf-8?Q?{}?=<mallory@other.example>",
    "mallory@other.example (=?utf-8?Q?{}?=)",
    "=?utf-8?Q?{}?= =?utf-8?Q?{}?= <mallory@other.example>",
    "Group =?utf-8?Q?{}?=: mallory@other.example;",
])  # fmt: skip
def test_what_encoded_words_hold_is_never_an_address(hidden: str, form: str) -> None:
    field = form.format(hidden.replace(" ", "_"), hidden.replace(" ", "_"))

    assert [each.address for each in mailboxes([field])] == ["mallory@other.example"]


def test_an_encoded_name_is_decoded_as_the_name() -> None:
    (found,) = mailboxes(["=?utf-8?Q?x:ada@victim.example,?= <mallory@other.example>"])

    assert (found.address, found.name) == ("mallory@other.example", "x:ada@victim.example,")


@pytest.mark.parametrize(
    "piece", ['"', '"\\"', "(", "<", '<"', "a@", ",", "=?a?q?", "=?a?q?b?=", "a, "]
)
def test_any_field_is_read_in_bounded_time(piece: str) -> None:
    assert len(list(named_addresses(piece * (8_192 // len(piece))))) == 0
