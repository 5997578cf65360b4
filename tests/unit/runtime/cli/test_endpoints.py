"""Where commands find a running Pledge, and what they say when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pledge.runtime.cli import endpoints
from pledge.runtime.config.settings import SettingsError


@pytest.fixture(autouse=True)
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "PLEDGE_TOKEN", "PLEDGE_SLA_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLEDGE_HOME", str(tmp_path))
    return tmp_path / "stack.json"


def test_the_local_stack_is_found_in_its_folder(stack: Path) -> None:
    stack.write_text(
        '{"kafka": {"bootstrap_servers": "127.0.0.1:8107"}, "sla": {"url": "http://127.0.0.1:8102"}}'
    )
    assert endpoints.kafka_settings().bootstrap_servers == "127.0.0.1:8107"
    assert endpoints.service_url("sla") == "http://127.0.0.1:8102"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "7", '{"kafka": []}', '{"sla": 1}', '{"kafka": {}, "sla": {}}']
)
def test_a_broken_file_of_addresses_is_as_good_as_none(stack: Path, content: str) -> None:
    stack.write_text(content)
    with pytest.raises(SettingsError, match=r"KAFKA_BOOTSTRAP_SERVERS.*pledge up"):
        endpoints.kafka_settings()
    with pytest.raises(SettingsError, match=r"PLEDGE_SLA_PUBLIC_URL.*pledge up"):
        endpoints.service_url("sla")
