"""Clients of the services under test."""

from __future__ import annotations

from typing import Any, Final

import httpx

ANSWER_SECONDS: Final = 20


def asker(base_url: str = "", **options: Any) -> httpx.AsyncClient:
    """A client over plain HTTP.

    Nothing here speaks TLS, so it reads no certificates: that takes longer than all it is asked.
    """
    return httpx.AsyncClient(
        base_url=base_url, verify=False, trust_env=False, timeout=ANSWER_SECONDS, **options
    )
