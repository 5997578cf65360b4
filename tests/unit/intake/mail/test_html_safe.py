"""What of a mail's HTML is shown."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.mail.html_safe import MAX_TAGS, safe_html


def shown(markup: str) -> str:
    found = safe_html(markup)
    assert found is not None
    return found.markup


@pytest.mark.parametrize(
    ("markup", "safe"),
    [
        ("<p onclick=x() style='color:red'>a</p>", "<p>a</p>"),
        ("a<script>b()</script><style>p{}</style>c", "ac"),
        ("<form action=/x><input name=a>b</form>", "b"),
        ("<iframe src=https://x.example></iframe>a", "a"),
        ("<a href='javascript:x()'>a</a>", None),
        ("<a href='/tickets/delete'>a</a>", None),
        ("<a href=' data:text/html,x'>a</a>", None),
        ("<a href='cid:a'>a</a>", None),
        ("<svg><a xlink:href='javascript:x()'>a</a></svg>", ""),
        ("<table background=https://x.example/t><tr><td>a</td></tr></table>", "<table><tbody>"),
    ],
)
def test_only_what_formats_text_is_left(markup: str, safe: str | None) -> None:
    found = shown(markup)
    if safe is None:
        assert "href" not in found
        assert ">a</a>" in found
    else:
        assert found.startswith(safe)
        assert "https://x.example" not in found


def test_links_tell_their_target_nothing() -> None:
    found = shown('<a href="https://x.example/?a=1&amp;b=2" target=top rel=opener>a</a>')
    assert 'href="https://x.example/?a=1&amp;b=2"' in found
    assert 'rel="noopener noreferrer nofollow"' in found
    assert 'target="_blank"' in found


def test_remote_pictures_are_off_until_asked_for_and_files_of_the_mail_are_shown() -> None:
    markup = '<img src="https://t.example/p.png" alt=pix><img src="cid:s@x">'
    markup += '<img src="data:a"><img src=/x>'
    found = safe_html(markup, files={"s@x": "/files/1"})
    assert found is not None
    assert found.markup == '<img alt="pix"><img src="/files/1"><img><img>'
    assert found.remote_pictures == 1
    on = safe_html(markup, shows_remote=True)
    assert on is not None
    assert (on.remote_pictures, on.markup.count("src=")) == (0, 1)


def test_markup_that_would_take_long_is_not_shown_as_html() -> None:
    started = time.process_time()
    for piece in ("<div>", "<ul><li>", "<a href=http://x><i>", "<table><tr><td>", "<p><b>"):
        assert safe_html(piece * (MAX_TAGS // piece.count("<"))) is not None
        assert safe_html(piece * MAX_TAGS + "<") is None
    assert time.process_time() - started < 5


_PIECES = st.sampled_from([
    "<a href=", "javascript:x", "'", '"', ">", "<img src=", "onerror=", "<script>", "</", "<!--",
    "-->", "<svg/", "<style>", "x", " ", "&#106;", "<math>", "srcdoc=", "<iframe ", "<base href=",
])  # fmt: skip


@given(st.lists(_PIECES, max_size=20).map("".join))
def test_nothing_that_runs_is_ever_left(markup: str) -> None:
    found = shown(markup)
    tags = re.findall(r"<[^>]*>", found)
    assert not any(re.search(r"<(script|style|iframe|svg|math|base)|\son\w+=", t) for t in tags)
    assert not any(re.search(r"(href|src)=\"?\s*javascript", t, re.IGNORECASE) for t in tags)
