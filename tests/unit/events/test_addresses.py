"""One spelling of one mailbox, by grammar."""

import pytest

from pledge.events.addresses import normal_address, parse_address


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Ann@Contoso.Example", "ann@contoso.example"),
        (" <ann@contoso.example> ", "ann@contoso.example"),
        ("ann@contoso.example.", "ann@contoso.example"),
        ("ann+tag=1@contoso.example", "ann+tag=1@contoso.example"),
        ("o'hara.x@contoso.example", "o'hara.x@contoso.example"),
        ('"ann"@contoso.example', "ann@contoso.example"),
        ('"ann b"@contoso.example', '"ann b"@contoso.example'),
        ('"a\\"@b"@contoso.example', '"a\\"@b"@contoso.example'),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER。example", "ann@xn--bcher-kva.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("jörg@bücher.example", "jörg@bücher.example"),
        ("JÖRG@xn--bcher-kva.example", "jörg@bücher.example"),
        ("jo\u0308rg@bücher.example", "jörg@bücher.example"),
        ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
        ("ann@[IPv6:2001:DB8::0:1]", "ann@[ipv6:2001:db8::1]"),
        ("root@localhost", "root@localhost"),
        ("docomo..user.@mobile.example", "docomo..user.@mobile.example"),
    ],
)
def test_each_spelling_of_a_mailbox_is_one(text: str, normal: str) -> None:
    assert normal_address(text) == normal
    assert normal_address(normal) == normal


@pytest.mark.parametrize(
    "text",
    [
        "", "ann", "@contoso.example", "ann@", "a b@contoso.example", "ann@con toso.example",
        "ann@b@contoso.example", "ann@contoso..example", "ann@contoso.example\r\nBcc: x@y.example",
        "ann@contoso.example, bob@contoso.example", '"ann@contoso.example', "ann@[192.0.2.256]",
        "=?utf-8?q?ann?=@contoso.example", "ann\x00@contoso.example",
        "ann@" + "a" * 64 + ".example",
        "ann@" + "ü" * 5_000, "a" * 300 + "@contoso.example", "ann\udce9@contoso.example",
    ],
)  # fmt: skip
def test_what_is_no_address_is_none(text: str) -> None:
    assert normal_address(text) is None


def test_only_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    plain, beyond = parse_address("ann@bücher.example"), parse_address("jörg@bücher.example")

    assert plain is not None
    assert not plain.needs_smtputf8
    assert plain.readable_domain == "bücher.example"
    assert beyond is not None
    assert beyond.needs_smtputf8
