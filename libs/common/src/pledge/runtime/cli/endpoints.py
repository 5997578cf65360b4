"""Where the `pledge` command finds a running Pledge: from the environment, or from the local stack.

`pledge up` writes `.pledge/stack.json`; a command run in the same folder uses it, so that
`pledge sla timers` works without any setting. What the environment says wins.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pledge.runtime.config.settings import (
    KafkaSettings,
    SettingProblem,
    SettingsError,
    load_settings,
)

DEFAULT_HOME = ".pledge"
_PARTS = ("kafka", "intake", "sla", "notify", "status")


def home() -> Path:
    """The local stack's folder: PLEDGE_HOME, or `.pledge` here."""
    return Path(os.environ.get("PLEDGE_HOME") or DEFAULT_HOME)


def kafka_settings() -> KafkaSettings:
    """KAFKA_* of the environment, or the local stack's broker. Raises SettingsError."""
    environ = dict(os.environ)
    if not environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        variable = "KAFKA_BOOTSTRAP_SERVERS"
        environ[variable] = _configured(variable, "kafka", "bootstrap_servers", "localhost:9092")
    return load_settings(KafkaSettings, environ)


def service_url(service: str) -> str:
    """PLEDGE_<SERVICE>_PUBLIC_URL, or the local stack's address. Raises SettingsError."""
    variable = f"PLEDGE_{service.upper()}_PUBLIC_URL"
    return _configured(variable, service, "url", f"https://{service}.pledge.example").rstrip("/")


def service_dsn(service: str) -> str:
    """PLEDGE_<SERVICE>_DSN, or the local stack's database. Raises SettingsError."""
    variable = f"PLEDGE_{service.upper()}_DSN"
    return _configured(variable, service, "dsn", f"postgresql://{service}@localhost/{service}")


def token() -> str:
    """PLEDGE_TOKEN, or the token that the local stack made for its user. Raises SettingsError."""
    value = os.environ.get("PLEDGE_TOKEN") or _stack().get("token")
    if not value:
        raise _unknown("PLEDGE_TOKEN", "eyJ… (see: pledge token create --help)")
    return str(value)


def _configured(variable: str, service: str, key: str, example: str) -> str:
    value = os.environ.get(variable) or _stack().get(service, {}).get(key)
    if not value:
        raise _unknown(variable, example)
    return str(value)


def _unknown(variable: str, example: str) -> SettingsError:
    message = "is not set, and no local stack runs in this folder (pledge up starts one)"
    return SettingsError([SettingProblem(variable, message, example)])


def _stack() -> dict[str, Any]:
    path = home() / "stack.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # No local stack here, or one that is just being written: the caller says what is missing.
        return {}
    parts = content if isinstance(content, dict) else {}
    is_ours = all(isinstance(parts.get(name, {}), dict) for name in _PARTS)
    return parts if is_ours else {}
