"""How documentation is read: from files, and from pages of the web."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from intake.application.documentation import read_documentation
from intake.domain.documentation import Documentation, article_of_text, configuration_of


@pytest.mark.parametrize(
    ("text", "is_markdown", "title"),
    [
        ("Intro\n\n## The *camera* stays black ##\nText", True, "The *camera* stays black"),
        ("The camera\nstays black", False, "The camera"),
        ("# no heading in a text", False, "# no heading in a text"),
        ("\n \n", True, "camera"),
    ],
)
def test_an_article_is_called_by_its_heading_its_first_line_or_its_name(
    text: str, is_markdown: bool, title: str
) -> None:
    assert article_of_text("x", "camera", text, is_markdown=is_markdown).title == title


def test_marks_of_markdown_are_no_words() -> None:
    text = "See [the guide](https://docs.example/guide_of_all) for `ping`."
    assert article_of_text("x", "x", text, is_markdown=True).body.split() == [
        "See", "[the", "guide", "for", "ping", ".",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "name"),
    [("en", "english"), ("fr-CA", "french"), ("DE", "german"), ("ja", "simple"), (None, "simple")],
)
def test_words_are_looked_for_in_the_language_of_the_desk(language: str | None, name: str) -> None:
    assert configuration_of(language) == name


def test_a_folder_is_read_with_its_problems_and_links_out_of_it_lead_nowhere(
    tmp_path: Path,
) -> None:
    folder, secret = tmp_path / "articles", tmp_path / "secret.md"
    (folder / "deep").mkdir(parents=True)
    secret.write_text("# A secret")
    (folder / "one.md").write_text("# One\nwords")
    (folder / "deep" / "two words.html").write_text(
        "<html><head><title>Two &amp; more</title></head><body><p>Hello</p></body></html>"
    )
    (folder / "three.txt").write_bytes(b"Caf\xe9\nand more")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    (folder / "link.md").symlink_to(secret)
    rules = Documentation("articles", "https://docs.example/a/")

    loaded = asyncio.run(read_documentation(rules, tmp_path))

    assert {each.address: each.title for each in loaded.articles} == {
        "https://docs.example/a/one": "One",
        "https://docs.example/a/deep/two%20words": "Two & more",
        "https://docs.example/a/three": "Caf\ufffd",
    }
    assert len(loaded.problems) == 1
    assert "leads out of" in loaded.problems[0]
    assert asyncio.run(read_documentation(Documentation("nowhere", "x"), tmp_path)).articles == ()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x", "http://169.254.1.1/x", "file:///etc/hosts", "http://[::1]/x"]
)
def test_pages_inside_our_own_network_are_not_fetched(url: str) -> None:
    loaded = asyncio.run(read_documentation(Documentation(urls=(url,)), Path()))

    assert loaded.articles == ()
    assert len(loaded.problems) == 1
