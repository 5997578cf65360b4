"""A mail's new words are told from what it quotes and its signature; nothing gets lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.mail.reply_text import SplitReply, split_reply
from support.reply_pairs import Pair, pairs


def _parts(split: SplitReply) -> list[str]:
    return [*split.visible.split(), *split.quoted.split(), *split.signature.split()]


@pytest.mark.parametrize("pair", list(pairs()), ids=lambda pair: pair.name)
def test_answers_in_twelve_languages_are_taken_apart(pair: Pair) -> None:
    split = split_reply(pair.text)

    assert split.visible == pair.visible
    assert split.signature == pair.signature
    assert set(_parts(split)) >= set(pair.text.split()) - {"--"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "On Monday I wrote to the bank.\nThey did not answer:\nnothing came.",
        "These are the steps:\n1. open\n2. close",
        "From: here to there it is far.\nThat is all.",
        "To do:\n- call\n- write\nSubject: to change",
        "a -- b\n--\nis a line of its own, and the text goes on for long. "
        "It is no signature since it says much more than a name in one line of text.",
        "Date: tomorrow\n\nBest regards are due to Ann, who wrote the manual in 2024.",
        "See the log:\n-----\nline\n-----",
        "Original message\nis what the button says.",
        "It fails.\n\nSent from my phone it works, from the PC it does not.",
        "The menu has:\n\n--verbose\n--quiet\n\nWhich one?",
    ],
)
def test_text_that_only_looks_like_a_quote_stays(text: str) -> None:
    assert split_reply(text) == SplitReply(text, "", "")


def test_a_forward_shows_what_is_forwarded() -> None:
    text = "---------- Forwarded message ---------\nFrom: a@b.example\nSubject: x\n\nWords."

    assert split_reply(text).visible == text


def test_a_postscript_is_no_signature() -> None:
    text = "Yes.\n\nKind regards\nEve\n\nPS: Also check the second gateway."

    assert split_reply(text).visible == text


@given(st.text(alphabet="ab:>-\n @<*_0", max_size=400))
def test_any_text_is_taken_apart_and_no_word_gets_lost(text: str) -> None:
    split = split_reply(text)
    said = "".join("".join(_parts(split)).split())

    assert sum(map(str.isalnum, said)) == sum(map(str.isalnum, text))


@pytest.mark.parametrize("line", ["> a\n", "a:\n", "From: a\n", "-- \n", "On 1 a@b wrote\n", "\n"])
def test_long_texts_are_taken_apart_in_linear_time(line: str) -> None:
    split = split_reply(line * (60_000 // len(line)))

    assert len(_parts(split)) <= 60_000
