"""The list of the desks' promises, and how tests' marks are read."""

from pathlib import Path

import pytest

from support import promises
from support.cluster import ROOT

PROMISES = {"vircom": {"VIR-01": "Open on weekdays.", "VIR-02": "Emergencies at any time."}}


def collected(tmp_path: Path, text: str, folder: str = "unit") -> list[promises.Proof]:
    file = tmp_path / folder / "test_them.py"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return promises.collect(tmp_path)


def test_marks_of_functions_classes_and_modules_count(tmp_path: Path) -> None:
    found = collected(
        tmp_path,
        "import pytest\n"
        "pytestmark = [pytest.mark.promise('VIR-01'), pytest.mark.long]\n"
        "@pytest.mark.promise('VIR-02', 'VIR-03')\n"
        "async def test_one(): ...\n"
        "@pytest.mark.promise('VIR-04')\n"
        "class TestThem:\n"
        "    def test_two(self): ...\n"
        "@pytest.mark.promise('VIR-05')\n"
        "def helper(): ...\n",
    )
    assert [(proof.promise, proof.test) for proof in found] == [
        ("VIR-01", "test_one"),
        ("VIR-02", "test_one"),
        ("VIR-03", "test_one"),
        ("VIR-01", "TestThem::test_two"),
        ("VIR-04", "TestThem::test_two"),
    ]


def test_end_to_end_tests_stand_apart(tmp_path: Path) -> None:
    text = "import pytest\n@pytest.mark.promise('VIR-02')\ndef test_a_call(): ...\n"
    document = promises.render(PROMISES, collected(tmp_path, text, "e2e"))
    (row,) = [line for line in document.splitlines() if line.startswith("| VIR-02")]
    _, _, _, whole, parts, _ = row.split("|")
    assert "a call" in whole
    assert parts.strip() == "not yet"


def test_promise_without_a_test_says_not_yet() -> None:
    assert "| VIR-01 | Open on weekdays. | not yet | not yet |" in promises.render(PROMISES, [])


def test_unknown_id_in_a_mark_is_told_with_its_place(tmp_path: Path) -> None:
    text = "import pytest\n\n@pytest.mark.promise('VIR-99')\ndef test_a_call(): ...\n"
    with pytest.raises(promises.UnknownPromise, match=r"test_them\.py:3: .* has no VIR-99"):
        promises.render(PROMISES, collected(tmp_path, text))


def test_every_promise_has_one_id_of_its_desk() -> None:
    by_desk = promises.read_promises(ROOT / "deploy/desks/promises.yaml")
    ids = [promise for desk in by_desk.values() for promise in desk]
    assert len(ids) == len(set(ids))
    for desk in by_desk.values():
        assert len({promise.partition("-")[0] for promise in desk}) == 1
        assert [int(promise.partition("-")[2]) for promise in desk] == [*range(1, len(desk) + 1)]


def test_marks_in_our_tests_all_name_a_promise() -> None:
    by_desk = promises.read_promises(ROOT / "deploy/desks/promises.yaml")
    proofs = promises.collect(ROOT / "tests")
    assert promises.render(by_desk, proofs)
