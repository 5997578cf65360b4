"""Templates: times in the reader's zone, escaped, in a sandbox, within bounds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from notify.domain.desk import Template
from notify.messages.render import RenderFailed, check, render

DUE = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berlin", "Wed 1 Jul 2026, 14:00:00 CEST (Europe/Berlin)"),
        ("America/Toronto", "Wed 1 Jul 2026, 08:00:00 EDT (America/Toronto)"),
        ("Asia/Kolkata", "Wed 1 Jul 2026, 17:30:00 IST (Asia/Kolkata)"),
    ],
)
@pytest.mark.promise("SMS-08")
def test_every_time_is_in_the_readers_zone_and_names_it(zone: str, words: str) -> None:
    template = Template(text="due {{ due_at }}", html="<p>{{ event.due }}</p>")

    found = render(template, {"due_at": DUE, "event": {"due": DUE}}, zone)

    assert found.text == f"due {words}"
    assert found.html == f"<p>{words}</p>"


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("America/Vancouver", "Fri 15 Jan 2027, 05:00:00 MST (America/Vancouver)"),
        ("America/Edmonton", "Fri 15 Jan 2027, 06:00:00 CST (America/Edmonton)"),
        ("America/Winnipeg", "Fri 15 Jan 2027, 07:00:00 EST (America/Winnipeg)"),
        ("America/Havana", "Fri 15 Jan 2027, 08:00:00 CDT (America/Havana)"),
        ("Africa/Casablanca", "Fri 15 Jan 2027, 12:00:00 UTC+00 (Africa/Casablanca)"),
    ],
)
def test_mails_follow_the_zone_laws_of_2026(zone: str, words: str) -> None:
    at = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
    assert render(Template(text="{{ due_at }}"), {"due_at": at}, zone).text == words


def test_html_is_escaped_and_text_is_not() -> None:
    template = Template(text="{{ name }}", subject="{{ name }}", html="{{ name }}")

    found = render(template, {"name": "<b>&"}, "UTC")

    assert (found.subject, found.text, found.html) == ("<b>&", "<b>&", "&lt;b&gt;&amp;")


def test_a_subject_is_one_line() -> None:
    found = render(Template(text="", subject="{{ s }}"), {"s": "a\r\nBcc: b\u2028c"}, "UTC")

    assert found.subject == "a Bcc: b c"


def test_what_is_not_known_is_left_out() -> None:
    assert render(Template(text="[{{ a.b.c }}][{{ none }}]"), {"none": None}, "UTC").text == "[][]"


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ event.__init__.__globals__ }}",
        "{{ 'a' * 100000000 }}",
        "{{ 10 ** 10000000 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ 'a'.center(1000000000) }}",
        "{{ '{:999999999}'.format(1) }}",
        "{% for a in range(100000) %}{% endfor %}",
        "{{ [1] | tojson(indent=400000000) }}",
        "{{ 'abc' | wordwrap(1, true, 'x' ) }}",
        "{{ 'abc' | batch(400000000, 'a') | list }}",
        "{{ (1).to_bytes(400000000, 'big') }}",
        "{{ 'a'.encode().center(400000000) }}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    ],
)
def test_a_template_reaches_nothing_and_swells_nothing(source: str) -> None:
    try:
        found = render(Template(text=source), {"event": {}}, "UTC")
    except RenderFailed:
        return
    assert found.text == ""


def test_a_message_has_a_bound() -> None:
    template = Template(
        text="{% for a in many %}{% for b in many %}{{ b }}{% endfor %}{% endfor %}"
    )

    with pytest.raises(RenderFailed, match="longer than"):
        render(template, {"many": ["x" * 100] * 1000}, "UTC")


def test_a_syntax_error_says_its_line() -> None:
    assert check(Template(text="fine\n{% if %}")) == {
        "text": "line 2: Expected an expression, got 'end of statement block'"
    }
