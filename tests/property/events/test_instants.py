"""RFC 3339 as its grammar makes it is read as what it says; other texts are refused, cleanly."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pledge.events import NotAnInstant, OutOfBounds, bounded, parse_instant
from pledge.events.instants import EARLIEST, LATEST


@st.composite
def written(draw: st.DrawFn) -> tuple[str, datetime]:
    """A `date-time` of RFC 3339 §5.6, and the instant that it names."""
    year, month = draw(st.integers(1990, 2199)), draw(st.integers(1, 12))
    day = draw(st.integers(1, monthrange(year, month)[1]))
    hour, minute, second = (draw(st.integers(0, most)) for most in (23, 59, 59))
    fraction = draw(st.one_of(st.just(""), st.text("0123456789", min_size=1, max_size=12)))
    sign, ahead_h, ahead_m = (
        draw(st.sampled_from("+-")),
        draw(st.integers(0, 23)),
        draw(st.integers(0, 59)),
    )
    offset = draw(st.sampled_from(["Z", "z", f"{sign}{ahead_h:02}:{ahead_m:02}"]))
    text = (
        f"{year:04}-{month:02}-{day:02}{draw(st.sampled_from('Tt'))}"
        f"{hour:02}:{minute:02}:{second:02}{'.' if fraction else ''}{fraction}{offset}"
    )
    micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
    local = datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)
    ahead = timedelta(hours=ahead_h, minutes=ahead_m)
    shift = timedelta(0) if offset in "Zz" else ahead if sign == "+" else -ahead
    return text, local - shift


@given(written())
def test_what_the_grammar_makes_is_read_as_it_says(given_: tuple[str, datetime]) -> None:
    text, instant = given_
    assert parse_instant(text) == instant
    assert parse_instant(text).tzinfo is UTC


@given(written(), written())
def test_order_is_that_of_the_instants(
    one: tuple[str, datetime], other: tuple[str, datetime]
) -> None:
    assert (parse_instant(one[0]) < parse_instant(other[0])) == (one[1] < other[1])


@given(written(), st.data())
def test_text_with_one_sign_changed_is_read_or_refused_and_never_a_crash(
    given_: tuple[str, datetime], data: st.DataObject
) -> None:
    text, _ = given_
    place = data.draw(st.integers(0, len(text) - 1))
    changed = text[:place] + data.draw(st.characters()) + text[place + 1 :]
    try:
        found = bounded(parse_instant(changed))
    except (NotAnInstant, OutOfBounds):
        return
    assert EARLIEST <= found < LATEST
    assert changed.isascii()


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = bounded(parse_instant(text))
    except (NotAnInstant, OutOfBounds):
        return
    assert EARLIEST <= found < LATEST
