"""What the sink is told by its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from pledge.runtime.config.settings import ServiceSettings


class SinkSettings(ServiceSettings):
    """Variables are named `PLEDGE_SINK_…` after the fields here; the rest is `ServiceSettings`."""

    env_prefix = "PLEDGE_SINK_"

    dsn: str = Field("", repr=False, description="unused: the sink has no database")
    http_port: int = Field(8100, ge=0, le=65535)
    smtp_port: int = Field(8106, ge=0, le=65535)
    folder: Path = Field(description="where arrivals are kept", examples=[".pledge/sink"])
    # JSON: name of a receiver -> its Standard Webhooks secret. Others are taken unchecked.
    secrets: Path | None = Field(None, examples=[".pledge/keys/receivers.json"])
