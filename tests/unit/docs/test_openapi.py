"""The services' OpenAPI documents hold together by themselves."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pledge_local.ports import SERVICES
from support.cluster import ROOT

FOLDER = ROOT / "docs" / "reference" / "openapi"
FILES = sorted(FOLDER.glob("*.json"))


def read(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_each_service_has_a_document() -> None:
    assert {file.stem for file in FILES} == set(SERVICES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_references_lead_to_a_schema(file: Path) -> None:
    document = read(file)
    for reference in set(references(document)):
        part: Any = document
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
        assert part


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_operations_have_ids_of_their_own(file: Path) -> None:
    methods = {"get", "post", "put", "patch", "delete"}
    ids = [
        operation["operationId"]
        for path in read(file)["paths"].values()
        for method, operation in path.items()
        if method in methods
    ]
    assert ids
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_of_the_machine_that_wrote_it_is_in_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert "127.0.0.1" not in text
    assert "/tmp/" not in text
