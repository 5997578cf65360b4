"""Write the contract down, or list what has drifted from it."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pledge.events.spec import asyncapi, samples, schemas, table

VERSION = "1.1.0"
"""Of the contract as a whole: rises with each new event or field."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when all is written or nothing has drifted, 1 otherwise, with a line for each file."""
    parser = argparse.ArgumentParser(prog="python -m pledge.events.spec", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/reference"))
    parser.add_argument("--samples", type=Path, default=Path("tests/contract/samples"))
    parser.add_argument("--check", action="store_true", help="write nothing, fail on any drift")
    options = parser.parse_args(arguments)
    complaints = samples.problems(options.samples)
    if options.check:
        drifted = _drift(options.out, options.samples)
        complaints += [f"{path}: {what}; run make spec" for path, what in drifted.items()]
    elif not complaints:
        _write(options.out, options.samples)
    sys.stderr.write("".join(f"{complaint}\n" for complaint in complaints))
    return 1 if complaints else 0


def _write(out: Path, sample_folder: Path) -> None:
    new = samples.missing_files(sample_folder)
    _save(new)
    _save({sample_folder / samples.SUMS: samples.sums(sample_folder)})
    wanted = _documents(out, sample_folder)
    _save(wanted)
    for path in _left_over(out, wanted):
        path.unlink()


def _drift(out: Path, sample_folder: Path) -> dict[Path, str]:
    """The files that are not as `_write` would leave them."""
    drifted = dict.fromkeys(samples.missing_files(sample_folder), "is a golden sample to be made")
    sums = sample_folder / samples.SUMS
    if not sums.exists() or sums.read_text() != samples.sums(sample_folder):
        drifted[sums] = "does not list every sample"
    wanted = _documents(out, sample_folder)
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            drifted[path] = "differs from the code"
    drifted |= dict.fromkeys(_left_over(out, wanted), "belongs to no event")
    return drifted


def _documents(out: Path, sample_folder: Path) -> dict[Path, str]:
    documents = schemas.files(out / "schemas")
    documents[out / "asyncapi.json"] = asyncapi.document(sample_folder, VERSION)
    texts = {path: asyncapi.render(content) for path, content in documents.items()}
    return {**texts, out / "events.md": table.render()}


def _left_over(out: Path, wanted: Mapping[Path, str]) -> list[Path]:
    return [path for path in sorted((out / "schemas").glob("*.json")) if path not in wanted]


def _save(texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
