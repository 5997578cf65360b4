from __future__ import annotations

from pathlib import Path

import pytest

from pledge.runtime.reference.__main__ import main
from pledge.runtime.reference.topics import BEGIN, END, NoTopicTable, table, with_topic_table
from pledge.runtime.service.topics import ServiceTopics


def test_a_topic_names_who_writes_and_who_reads_it() -> None:
    topics = {
        "one": ServiceTopics(reads=("b.v1",), writes=("a.v1",)),
        "two": ServiceTopics(reads=("a.v1", "b.v1"), writes=()),
    }

    assert table(topics).splitlines()[2:] == [
        "| `a.v1` | one | two |",
        "| `b.v1` | – | one, two |",
    ]


def test_a_service_may_write_its_topics_and_the_dead_letters_of_what_it_reads() -> None:
    topics = ServiceTopics(reads=("b.v1",), writes=("a.v1",))

    assert topics.allowed() == {"a.v1", "b.v1.dlq"}


def test_the_table_replaces_what_stands_between_the_marks() -> None:
    text = with_topic_table(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    assert text.startswith(f"before\n{BEGIN}\n| topic |")
    assert "old" not in text
    assert text.endswith(f"{END}\nafter\n")
    assert "| `ticket.events.v1` | intake | intake, notify, sla, status |" in text


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(NoTopicTable, match="must have the lines"):
        with_topic_table("no table here")


def test_a_table_that_has_drifted_fails_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "reference"
    document = tmp_path / "architecture.md"
    document.write_text(f"{BEGIN}\n{END}\n")
    assert main(["--out", str(folder)]) == 0
    assert main(["--out", str(folder), "--check"]) == 0

    document.write_text(document.read_text().replace("intake", "somebody"))

    assert main(["--out", str(folder), "--check"]) == 1
    assert f"{document} has drifted" in capsys.readouterr().err
