"""What a request must say, and how it is found in lines, fields and text."""

from __future__ import annotations

import re

import pytest

from intake.domain.admission.entitlement import is_latest
from intake.domain.admission.requirements import (
    Item,
    merged,
    missing,
    named_customer,
    normal,
    question,
    read_items,
    read_words,
)

PRODUCT = Item("product", "name of the product", frozenset(("product", "application")))
VERSION = Item(
    "version", "its version", frozenset(("version", "product")), matches=re.compile(r"\d\.\d")
)
SYSTEM = Item("os", "operating system", frozenset(("os",)), found_by=re.compile(r"Windows \d+"))
FAULT = Item("fault", "what happens", frozenset(("fault",)), free_text=20)
BEFORE = Item("before", "reported before", frozenset(("before",)), is_required=False)
NUMBER = Item(
    "number", "earlier number", frozenset(("number",)), required_if={"before": frozenset({"yes"})}
)
ITEMS = (PRODUCT, VERSION, SYSTEM, FAULT, BEFORE, NUMBER)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Product: Hunt", {"product": "Hunt"}),
        ("* PRODUCT :  Hunt 3.2 ", {"product": "Hunt 3.2", "version": "Hunt 3.2"}),
        ("Application: Hunt\nVersion: 3.2", {"product": "Hunt", "version": "3.2"}),
        ("> Product: Old\nProduct: New", {"product": "New"}),
        ("> Product: Hunt", {"product": "Hunt"}),
        ("Product:\nOS: ?\nFault: -", {}),
        ("It runs on Windows 11 here.", {"os": "Windows 11", "fault": None}),
        ("https://product.example/?version=3.2", {"fault": None}),
        ("Product: Hunt\nOS: Windows 11", {"product": "Hunt", "os": "Windows 11"}),
        ("> a long quotation of what was said before", {}),
        ("", {}),
    ],
)
def test_information_is_found_in_lines_and_text(text: str, found: dict[str, str | None]) -> None:
    got = read_items(ITEMS, read_words(text, {}), ())
    assert got.keys() == found.keys()
    assert all(value is None or got[name] == value for name, value in found.items())


def test_a_line_that_sets_a_value_is_no_free_text() -> None:
    words = read_words("Severity: 1, because all is down", {})
    assert "fault" in read_items(ITEMS, words, ())
    assert read_items(ITEMS, words, (), frozenset(("severity",))) == {}


def test_a_field_of_a_form_counts_before_a_line_and_by_any_spelling() -> None:
    words = read_words("Product: Line", {"PRODUCT": "Field", "o-s": "x", "Version": "3.2"})
    assert read_items(ITEMS, words, ()) == {"product": "Field", "version": "3.2"}
    assert normal("Product__Version - x") == "product version x"


def test_what_is_missing_depends_on_what_was_told() -> None:
    assert missing(ITEMS, {}) == ("product", "version", "os", "fault")
    known = {"product": "a", "version": "1.0", "os": "b", "fault": "c"}
    assert missing(ITEMS, known) == ()
    assert missing(ITEMS, {**known, "before": "Yes"}) == ("number",)
    assert missing(ITEMS, {**known, "before": "no"}) == ()


def test_a_later_line_corrects_and_later_text_only_fills_gaps() -> None:
    known = {"product": "Hunt", "fault": "It fails at night."}
    words = read_words("Product: Hunt 4.0\nand this is more to say about it", {})
    now = merged(known, read_items(ITEMS, words, ()), ITEMS, words)
    assert now["product"] == "Hunt 4.0"
    assert now["fault"] == "It fails at night."


def test_our_own_question_quoted_back_is_no_answer() -> None:
    asked = question(ITEMS, ("product", "version", "os", "fault", "the log file"))
    assert asked.splitlines()[0] == "- Product – name of the product"
    quoted = "\n".join(f"> {line}" for line in asked.splitlines())
    assert read_items(ITEMS, read_words(f"See below.\n{quoted}", {}), ()) == {}


def test_a_customer_is_named_by_whole_words_the_longest_name_first() -> None:
    names = ("Adatum", "Adatum Field Service", "Wing")
    assert named_customer("We are ADATUM field service.", names) == "Adatum Field Service"
    assert named_customer("from adatum, with thanks", names) == "Adatum"
    assert named_customer("Adatums wingtip", names) is None


@pytest.mark.parametrize(
    ("version", "answer"),
    [("5.2", True), ("5.2.9", True), ("5.10", True), ("6", True), ("5.1.9", False), ("5", False)],
)
def test_only_the_latest_version_and_its_patches_count(version: str, answer: bool) -> None:
    assert is_latest(version, "5.2") is answer
