"""What README and the documents say is there, is there."""

import re
from pathlib import Path

import pytest

from support import pages
from support.cluster import ROOT

# Written when a benchmark or a long chaos run is done.
REPORTS = {"docs/benchmarks.md", "docs/chaos.md"}


def test_readme_shows_the_breach_consumer_as_it_is_tested() -> None:
    program = (ROOT / "docs/reference/breach_consumer.py").read_text(encoding="utf-8")
    assert f"```python\n{program}```" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_breach_consumer_has_seven_lines() -> None:
    program = (ROOT / "docs/reference/breach_consumer.py").read_text(encoding="utf-8")
    lines = [line for line in program.splitlines() if line and not line.startswith("#")]
    assert len(lines) - program.count("import ") <= 7


def test_make_targets_that_documents_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {
        target
        for page in pages.written()
        for target in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {"run", "test"} <= named <= targets


@pytest.mark.parametrize("page", pages.written(), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in pages.links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if target.relative_to(ROOT).as_posix() in REPORTS and not target.exists():
            continue
        assert target.exists(), f"{page}: {link}"
        assert not anchor or anchor in pages.anchors(target), f"{page}: {link}"


_FOLDERS = ("libs/", "services/", "deploy/", "docs/", "tests/", "findings/")
_SOURCE = re.compile(r"[\w/-]+\.(?:py|html|css|js|sql)")
_ROOM = re.compile(r"(?:[a-z_]+/)+")
_MODULE = re.compile(
    r"(?:(?:pledge\.(?:events|runtime)|pledge_local)(?:\.[a-z_]+)+"
    r"|(?:intake|sla|notify|status)(?:\.[a-z_]+){2,})"
)
_TEST = re.compile(r"test_\w+")


def _sources() -> list[str]:
    """Every file of the repository that is code or a page's part."""
    roots = ("libs", "services", "deploy", "tests", "docs/reference")
    found = (path for root in roots for path in (ROOT / root).rglob("*.*"))
    return [path.relative_to(ROOT).as_posix() for path in found if _SOURCE.search(path.name)]


def _is_module(name: str, sources: list[str]) -> bool:
    """Whether it is a module or package, or a name that a module may define."""
    path, parent = (name.replace(".", "/"), name.rpartition(".")[0].replace(".", "/"))
    return any(
        f"/src/{path}.py" in each or f"/src/{path}/" in each or each.endswith(f"/src/{parent}.py")
        for each in sources
    )


@pytest.mark.parametrize("page", pages.about_code(), ids=lambda page: page.parent.name + page.stem)
def test_files_modules_and_tests_that_documents_name_exist(page: Path) -> None:
    sources = _sources()
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    near = f"{page.parent.relative_to(ROOT).as_posix()}/" if page.name == "README.md" else ""
    named = {word for word in pages.words_in_code(page) if not re.search(r"[<>{}*…]|://", word)}
    missing = []
    for word in named:
        if word.startswith(_FOLDERS):
            is_there = (ROOT / word.partition(":")[0].partition("#")[0]).exists()
        elif _SOURCE.fullmatch(word):
            is_there = any(each.endswith(f"/{word}") for each in sources)
        elif _ROOM.fullmatch(word) and near.startswith("services/"):
            is_there = any(f"/{word}" in each for each in sources if each.startswith(near))
        elif _MODULE.fullmatch(word):
            is_there = _is_module(word, sources)
        elif _TEST.fullmatch(word):
            is_there = f"def {word}(" in tests or any(word in each for each in sources)
        else:
            continue
        if not is_there:
            missing.append(word)
    assert missing == []


def test_pictures_are_small() -> None:
    for picture in (ROOT / "docs/screenshots").iterdir():
        assert picture.stat().st_size < 150_000, picture
