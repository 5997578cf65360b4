"""Desk files: what they say, and what is wrong with them."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

import pytest

from intake.desk_file.load import check_desk_file, load_desk, load_desks
from intake.desk_file.template import DESK_TEMPLATE
from intake.domain.admission.request import Request
from intake.domain.desk import Customer, classify
from intake.domain.reply_address import ReplyAddresses
from notify.messages.default_templates import BUILT_IN
from pledge.runtime.auth.link_signer import LinkSigner
from pledge.runtime.desk_file import yaml_file
from pledge.runtime.desk_file.problem import DeskFileError
from support.cluster import ROOT
from unit.intake.builders import ADDRESSES, KEY, a_desk

DESKS = sorted(each.parent.name for each in (ROOT / "deploy" / "desks").glob("*/intake.yaml"))


@pytest.mark.parametrize("desk", DESKS)
def test_the_desks_files_are_right(desk: str) -> None:
    assert check_desk_file(ROOT / "deploy" / "desks" / desk / "intake.yaml").problems == []


@pytest.mark.parametrize("name", DESKS)
def test_each_template_that_intake_names_is_one_of_notify(name: str) -> None:
    folder = ROOT / "deploy" / "desks" / name
    desk = load_desk(folder / "intake.yaml")[0]
    assert desk is not None
    words = yaml_file.load(folder / "notify.yaml").data
    assert isinstance(words, dict)
    named = {desk.information_template, desk.sign_in_template}
    named |= {each.answer for each in desk.scope_rules}
    named |= {each.answer for each in desk.version_lists}
    named |= {desk.entitlement.answer if desk.entitlement else None}
    assert named - {None} <= {*words.get("templates", {}), *BUILT_IN}


def test_the_template_is_right_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "acme" / "intake.yaml"
    path.parent.mkdir()
    path.write_text(DESK_TEMPLATE.replace("{desk}", "acme"))
    assert check_desk_file(path).problems == []


def test_what_the_template_shows_in_comments_is_right_too(tmp_path: Path) -> None:
    path = tmp_path / "acme" / "intake.yaml"
    path.parent.mkdir()
    settings = re.compile(r"^( *)# ( *(?:- )?\{?[a-z_]+: ?.*| *- .*)$", re.MULTILINE)
    text = settings.sub(r"\1\2", DESK_TEMPLATE.replace("{desk}", "acme"))
    path.write_text(text.replace("    address: emergency", "  - address: emergency"))
    desk, problems = load_desk(path)
    assert problems == []
    assert desk is not None
    assert [each.name for each in desk.requirements] == ["fault"]
    assert desk.entitlement is not None
    assert len(desk.version_lists) == len(desk.scope_rules) == 1


def test_wrong_rules_on_admission_say_where_and_what(tmp_path: Path) -> None:
    path = tmp_path / "acme" / "intake.yaml"
    path.parent.mkdir()
    path.write_text(
        DESK_TEMPLATE.replace("{desk}", "acme")
        + """
required_information:
  ask_with: question
  kinds:
    - name: all
      items:
        - {name: log, title: the log, required_if: {nothing: ["yes"]}}
        - {name: log, title: the log again}
    - name: never
      items: [{name: log, title: "log: the file"}]
scope:
  versions:
    - {name: sdk, title: SDK, known_as: SDK, released: ["2.0", "2.1"]}
"""
    )
    [problem] = check_desk_file(path).problems
    assert "should be without a colon" in problem.message
    path.write_text(path.read_text().replace('"log: the file"', "the file"))
    problems = check_desk_file(path).problems
    lines = path.read_text().splitlines()
    decided = [(each.severity, each.message, lines[each.line - 1].strip()) for each in problems]
    assert [(kind, message) for kind, message, _ in decided] == [
        ("error", "`all` has no other item `nothing`"),
        ("error", "`log` is used twice"),
        ("warning", "`never` is never used: `all` before it takes all requests"),
        ("error", "the versions of `sdk` are not in order"),
    ]
    assert "required_if" in decided[0][2]
    assert "released" in decided[3][2]


def test_problems_say_where_and_what(tmp_path: Path) -> None:
    path = tmp_path / "acme" / "intake.yaml"
    path.parent.mkdir()
    text = DESK_TEMPLATE.replace("{desk}", "acme").replace("severity: normal", "severity: mild")
    path.write_text(text.replace("reply_address: support@", "reply_address: other@"))
    problems = {each.message: each for each in check_desk_file(path).problems}
    assert "there is no severity `mild`" in problems
    line = path.read_text().splitlines()[problems["there is no severity `mild`"].line - 1]
    assert "severity: mild" in line
    assert any("none of the desk's addresses" in each for each in problems)
    path.write_text(text.replace('name: "acme support"', 'nmae: "acme support"'))
    assert any(
        "nmae" in str(each) or "name" in str(each) for each in check_desk_file(path).problems
    )


def test_desks_that_share_an_address_or_prefix_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        path = tmp_path / name / "intake.yaml"
        path.parent.mkdir()
        path.write_text(DESK_TEMPLATE.replace("{desk}.example", "same.example").replace(
            "{desk}", name
        ))  # fmt: skip
    with pytest.raises(DeskFileError) as refused:
        load_desks(tmp_path)
    assert "support@same.example is taken" in str(refused.value)
    with pytest.raises(DeskFileError):
        load_desks(tmp_path / "nowhere")


def test_the_first_rule_that_sets_a_value_decides() -> None:
    desk, problems = load_desk(ROOT / "deploy" / "desks" / "vircom" / "intake.yaml")
    assert desk is not None
    assert problems == []

    def severity(subject: str, address: str = "x@y.example") -> str | None:
        return classify(desk, Request("email", None, subject, address)).severity

    assert severity("[P1] down") == "p1"
    assert severity("[p2] slow") == "p2"
    assert severity("down [P1]") == "p3"
    assert severity("a question", "eve@northwind.example") == "p2"
    assert severity("a question", "eve@mail.northwind.example") == "p2"
    assert severity("[P1] down", "eve@northwind.example") == "p1"


def test_the_requesters_choice_counts_only_where_the_desk_lets_them_choose() -> None:
    request = Request("portal", None, "x", None, severity="p1")
    assert classify(a_desk(), request).severity == "p3"
    assert classify(a_desk(requester_sets_severity=True), request).severity == "p1"
    unknown = Request("portal", None, "x", None, severity="p9")
    assert classify(a_desk(requester_sets_severity=True), unknown).severity == "p3"


def test_the_urgent_line_of_several_counts() -> None:
    line = a_desk().line_of(["support+tag@vircom.example", "Emergency@vircom.example", "x@y.z"])
    assert line is not None
    assert line.is_urgent
    assert a_desk().line_of(["x@y.z"]) is None
    assert a_desk().phone_line("+15550110", "501").is_urgent
    assert a_desk().phone_line("+15550110", "9").name == "main"
    assert a_desk().phone_line("+15550999", None).name == "+15550999"


def test_reply_addresses_are_read_in_any_case_and_with_retired_keys() -> None:
    ticket = UUID(int=12345)
    address = ADDRESSES.address("support@vircom.example", "vircom", ticket)
    assert len(address.partition("@")[0]) <= 64
    assert ADDRESSES.ticket(address.upper(), "vircom") == ticket
    assert ADDRESSES.ticket(address, "demo") is None
    token = "aaaaaaaaaaaaaaaaaaaaaabqhhhsb2p6gpwsd5n32q"
    assert address == f"support+{token}@vircom.example", "as in mails sent by earlier versions"
    rotated = ReplyAddresses(LinkSigner([b"new" * 11, KEY]))
    assert rotated.ticket(address, "vircom") == ticket
    assert ReplyAddresses(LinkSigner([b"new" * 11])).ticket(address, "vircom") is None
    for wrong in ("", "support@x", "support+@x", "support+ä@x", f"support+{'1' * 42}@x"):
        assert ADDRESSES.ticket(wrong, "vircom") is None


def test_times_are_shown_in_the_zone_of_the_person_the_organisation_or_the_desk() -> None:
    customer = Customer("Contoso", zone="America/Vancouver")
    desk = a_desk(zone="Europe/Paris", customers_by_domain={"contoso.example": customer})
    assert desk.zone_of("ann@contoso.example", "Asia/Tokyo") == "Asia/Tokyo"
    assert desk.zone_of("ann@contoso.example", "Nowhere/At-all") == "America/Vancouver"
    assert desk.zone_of("ann@contoso.example") == "America/Vancouver"
    assert desk.zone_of("eve@elsewhere.example") == "Europe/Paris"
    assert desk.zone_of(None) == "Europe/Paris"
