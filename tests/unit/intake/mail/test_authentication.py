"""Only our own border's word about a sender counts."""

import pytest

from intake.mail.authentication import border_finding

OURS = ("mx.desk.example",)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("mx.desk.example; dmarc=pass header.from=contoso.example", ("passed", "dmarc")),
        ("mx.desk.example; dmarc=fail header.from=contoso.example", ("failed", "dmarc")),
        ("MX.Desk.Example 1; dmarc=pass (p=reject (strict)) header.from=contoso.example",
         ("passed", "dmarc")),
        ('"mx.desk.example"; dkim=pass reason="ok; dmarc=fail" header.d=contoso.example',
         ("passed", "dkim")),
        ("mx.desk.example (by; dmarc=pass); dmarc=fail", ("failed", "dmarc")),
        ("mx.desk.example; dkim=pass header.i=@contoso.example", ("passed", "dkim")),
        ("mx.desk.example; dkim/1=pass header.d=other.example", ("none", "")),
        ("mx.desk.example; dkim=pass header.d=example", ("none", "")),
        ("mx.desk.example; dkim=pass header.d=news.contoso.example", ("none", "")),
        ("mx.desk.example; spf=pass smtp.mailfrom=ann@contoso.example", ("passed", "spf")),
        ("mx.desk.example; spf=pass smtp.mailfrom=other.example", ("none", "")),
        ("mx.desk.example; spf=fail smtp.mailfrom=ann@contoso.example", ("failed", "spf")),
        ("mx.desk.example; spf=softfail smtp.mailfrom=ann@contoso.example", ("none", "")),
        ("mx.desk.example; spf=fail smtp.mailfrom=ann@contoso.example; "
         "dkim=pass header.d=contoso.example", ("passed", "dkim")),
        ("mx.desk.example; dmarc=none header.from=contoso.example; "
         "dkim=pass header.d=contoso.example", ("passed", "dkim")),
        ("mx.desk.example; dmarc=pass header.from=other.example", ("none", "")),
        ("mx.desk.example; none", ("none", "")),
        ("mx.desk.example; dmarc = pass\theader . from=x", ("passed", "dmarc")),
        ("mx.desk.example", ("none", "")),
        ("mx.other.example; dmarc=pass header.from=contoso.example", ("none", "")),
        ("mx.desk.example.other.example; dmarc=pass", ("none", "")),
        ("(mx.desk.example) mx.other.example; dmarc=pass", ("none", "")),
        ("dmarc=pass header.from=contoso.example", ("none", "")),
        ("", ("none", "")),
    ],
)  # fmt: skip
def test_a_field_says_what_the_border_found(field: str, expected: tuple[str, str]) -> None:
    found = border_finding([field], OURS, from_domain="contoso.example")

    assert (found.result, found.method) == expected


def test_a_failure_outweighs_a_pass_and_names_the_border() -> None:
    fields = ["mx.desk.example; spf=pass smtp.mailfrom=contoso.example",
              "mx.desk.example; dmarc=fail header.from=contoso.example",
              "mx.desk.example; dmarc=pass header.from=contoso.example"]  # fmt: skip

    found = border_finding(fields, OURS, from_domain="contoso.example")

    assert found.result == "failed"
    assert found.detail == "our border mx.desk.example says dmarc=fail of contoso.example"


def test_fields_without_an_id_count_only_where_the_desk_says_so() -> None:
    field = ("spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=contoso.example; dkim=pass "
             "(signature was verified) header.d=contoso.example;dmarc=pass action=none "
             "header.from=contoso.example;compauth=pass reason=100")  # fmt: skip

    assert border_finding([field], OURS, from_domain="contoso.example").result == "none"
    assert border_finding([field], ("-",), from_domain="contoso.example").method == "dmarc"
    failed = field.replace("dmarc=pass", "dmarc=none").replace("compauth=pass", "compauth=fail")
    assert border_finding([failed], ("-",), from_domain="contoso.example").method == "compauth"


def test_a_domain_beyond_ascii_is_the_same_in_both_forms() -> None:
    field = "mx.desk.example; dmarc=pass header.from=büro.example"

    found = border_finding([field], OURS, from_domain="xn--bro-hoa.example")

    assert found.result == "passed"


def test_without_own_ids_nothing_is_believed() -> None:
    assert (
        border_finding(["mx.desk.example; dmarc=pass"], (), from_domain="a.example").result
        == "none"
    )


@pytest.mark.parametrize("piece", ["(", '"', '"\\"', "a=", ";", "\\", "()", "=("])
def test_any_field_is_read(piece: str) -> None:
    assert border_finding([piece * 8_192], OURS, from_domain="a.example").result == "none"
