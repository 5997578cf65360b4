from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from pydantic import Field, SecretStr

from pledge.runtime.config.settings import EnvironmentSettings, Seconds
from pledge.runtime.reference import metrics, settings
from pledge.runtime.reference.__main__ import main
from pledge.runtime.reference.metrics import Series, series_of
from pledge.runtime.reference.settings import Described, describe
from pledge.runtime.reference.topics import BEGIN, END

SERVICES = ("intake", "notify", "sla", "status")


class DemoSettings(EnvironmentSettings):
    env_prefix = "PLEDGE_DEMO_"

    key: SecretStr = Field(description="signs links")
    # Longer than any mail
    # takes to arrive.
    wait: Seconds = Field(timedelta(seconds=2.5), ge=timedelta(0), le=timedelta(minutes=1))
    folder: Path | None = None


def test_series_are_listed_as_they_are_scraped() -> None:
    def make(registry: CollectorRegistry) -> None:
        Histogram("b_seconds", "How long.", buckets=(1,), registry=registry)
        Counter("a", "How\nmany | what.", ("desk",), registry=registry)

    assert series_of(make) == [
        Series("a_total", "counter", ("desk",), "How\nmany | what."),
        Series("b_seconds", "histogram", (), "How long."),
    ]


def test_metrics_reference_names_the_series_of_the_runtime_and_of_every_service() -> None:
    text = metrics.render()
    assert "| `pledge_consumer_lag_records` | gauge | `service`, `topic`, `partition` |" in text
    for service in SERVICES:
        assert f"\n## {service}\n" in text


def test_setting_is_described_by_its_field_and_the_comment_above_it() -> None:
    assert describe(DemoSettings, list(DemoSettings.model_fields.items())) == [
        Described("PLEDGE_DEMO_KEY", "secret", "**needed**", "Signs links."),
        Described(
            "PLEDGE_DEMO_WAIT",
            "duration, ≥ 0 s, ≤ 60 s",
            "`2.5 s`",
            "Longer than any mail takes to arrive.",
        ),
        Described("PLEDGE_DEMO_FOLDER", "path", "–", ""),
    ]


def test_settings_reference_names_the_variables_of_the_runtime_and_of_every_service() -> None:
    text = settings.render()
    for variable in (
        "KAFKA_BOOTSTRAP_SERVERS",
        "PLEDGE_DESKS",
        "PLEDGE_<SERVICE>_DSN",
        "PLEDGE_SLA_LATE_AFTER",
    ):
        assert f"| `{variable}` |" in text
    for service in SERVICES:
        assert f"\n## {service}\n" in text


def test_drift_is_told_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "reference"
    (tmp_path / "architecture.md").write_text(f"{BEGIN}\n{END}\n")
    assert main(["--check", "--out", str(folder)]) == 1
    assert capsys.readouterr().err.count("has drifted from the code; run: make spec") == 3
    assert main(["--out", str(folder)]) == 0
    assert main(["--check", "--out", str(folder)]) == 0
    file = folder / "metrics.md"
    file.write_text(file.read_text() + "\nedited")
    assert main(["--check", "--out", str(folder)]) == 1
