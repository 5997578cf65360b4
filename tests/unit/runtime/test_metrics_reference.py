from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

from pledge.runtime.metrics_reference import Series, main, render, series_of


def test_series_are_listed_as_they_are_scraped() -> None:
    def make(registry: CollectorRegistry) -> None:
        Histogram("b_seconds", "How long.", buckets=(1,), registry=registry)
        Counter("a", "How\nmany | what.", ("desk",), registry=registry)

    assert series_of(make) == [
        Series("a_total", "counter", ("desk",), "How\nmany | what."),
        Series("b_seconds", "histogram", (), "How long."),
    ]


def test_reference_names_the_series_of_the_runtime_and_of_every_service() -> None:
    text = render()
    assert "| `pledge_consumer_lag_records` | gauge | `service`, `topic`, `partition` |" in text
    for service in ("intake", "notify", "sla", "status"):
        assert f"\n## {service}\n" in text


def test_drift_is_told_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "reference" / "metrics.md"
    assert main(["--check", "--out", str(file)]) == 1
    assert "has drifted from the code" in capsys.readouterr().err
    assert main(["--out", str(file)]) == 0
    assert main(["--check", "--out", str(file)]) == 0
    file.write_text(file.read_text() + "\nedited")
    assert main(["--check", "--out", str(file)]) == 1
