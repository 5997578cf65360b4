"""`python -m pledge.events.spec`: writes what is missing, and tells what has drifted."""

import json
import shutil
from pathlib import Path

import pytest

from pledge.events import ComponentChanged, CustomerUnavailable, Triaged
from pledge.events.spec.__main__ import main

ROOT = Path(__file__).parents[2]


class Reference:
    """A copy of the generated files that a test may spoil."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "reference"
        self.samples = folder / "samples"

    def spec(self, *options: str) -> int:
        return main(["--out", str(self.out), "--samples", str(self.samples), *options])

    def files(self) -> dict[Path, bytes]:
        return {
            path.relative_to(self.out.parent): path.read_bytes()
            for folder in (self.out, self.samples)
            for path in folder.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def reference(tmp_path: Path) -> Reference:
    made = Reference(tmp_path)
    shutil.copytree(ROOT / "tests" / "contract" / "samples", made.samples)
    assert made.spec() == 0
    return made


def test_what_is_committed_is_what_the_code_says(capsys: pytest.CaptureFixture[str]) -> None:
    out, samples = ROOT / "docs" / "reference", ROOT / "tests" / "contract" / "samples"

    code = main(["--out", str(out), "--samples", str(samples), "--check"])

    assert (code, capsys.readouterr().err) == (0, "")


def test_writing_again_changes_nothing(reference: Reference) -> None:
    before = reference.files()

    assert reference.spec() == 0
    assert reference.files() == before
    assert reference.spec("--check") == 0


def test_from_nothing_everything_is_made(reference: Reference, tmp_path: Path) -> None:
    fresh = Reference(tmp_path / "fresh")

    assert fresh.spec("--check") == 1
    assert fresh.files() == {}
    assert fresh.spec() == 0
    # A kept sample is as old as its event and need not know the fields that came later, so the
    # contents may differ; there is one of each all the same. Kept alone are those of before a
    # field was renamed, which have a successor.
    kept = [path for path in reference.files() if not path.name.endswith(".2.json")]
    assert fresh.files().keys() == set(kept)
    assert fresh.spec("--check") == 0


def test_each_drifted_file_is_named_with_the_remedy(
    reference: Reference, capsys: pytest.CaptureFixture[str]
) -> None:
    (reference.out / "events.md").write_text("by hand")
    (reference.out / "asyncapi.json").unlink()
    (reference.out / "schemas" / "pledge.ticket.danced.v1.json").write_text("{}")

    assert reference.spec("--check") == 1

    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0].rsplit("/", 1)[1] for line in lines] == [
        "asyncapi.json",
        "events.md",
        "pledge.ticket.danced.v1.json",
    ]
    assert all(line.endswith("run make spec") for line in lines)
    assert reference.spec() == 0
    assert reference.spec("--check") == 0


def test_a_new_event_gets_its_sample(reference: Reference) -> None:
    sample = reference.samples / f"{ComponentChanged.TYPE}.json"
    before = reference.files()
    sums = reference.samples / "SHA256SUMS"
    lines = [line for line in _lines(sums) if ComponentChanged.TYPE not in line]
    sums.write_text("".join(f"{line}\n" for line in lines))
    sample.unlink()

    assert reference.spec("--check") == 1
    assert not sample.exists()
    assert reference.spec() == 0
    assert reference.files() == before


def test_an_event_with_a_renamed_field_gets_a_further_sample(reference: Reference) -> None:
    sample = reference.samples / f"{CustomerUnavailable.TYPE}.2.json"
    before = reference.files()
    sums = reference.samples / "SHA256SUMS"
    sums.write_text("".join(f"{line}\n" for line in _lines(sums) if sample.name not in line))
    sample.unlink()

    assert reference.spec("--check") == 1
    assert reference.spec() == 0
    assert reference.files() == before


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_a_touched_sample_is_neither_accepted_nor_repaired(
    reference: Reference, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    sample = reference.samples / f"{Triaged.TYPE}.json"
    sample.write_text(sample.read_text().replace("p1", "p2"))
    before = reference.files()

    assert reference.spec(*options) == 1
    assert f"{Triaged.TYPE}.json: a golden sample was changed" in capsys.readouterr().err
    assert reference.files() == before


def test_a_lost_sample_is_missed(reference: Reference, capsys: pytest.CaptureFixture[str]) -> None:
    (reference.samples / f"{Triaged.TYPE}.json").unlink()

    assert reference.spec() == 1
    assert f"{Triaged.TYPE}.json: a golden sample was removed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"ticket_id": 7}, "no longer readable"),
        ({"mood": "good"}, "no longer read as they were: mood"),
    ],
)
def test_code_that_no_longer_reads_a_sample_in_full_is_refused(
    reference: Reference,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, object],
    complaint: str,
) -> None:
    """A sample from a version that had other fields stands for code that lost them."""
    (reference.samples / "SHA256SUMS").unlink()
    sample = reference.samples / f"{Triaged.TYPE}.json"
    content = json.loads(sample.read_text())
    content["value"] |= change
    sample.write_text(json.dumps(content))

    assert reference.spec("--check") == 1
    assert complaint in capsys.readouterr().err


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()
