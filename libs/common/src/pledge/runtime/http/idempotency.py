"""Requests with an Idempotency-Key: what the header takes, and how a conflict is answered.

Where a service keeps its keys is its own schema: intake with the deliveries that it has seen,
status with the answers that it gave. Stored fingerprints stay readable across versions, so each
service says what a request consists of.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Header

from pledge.runtime.http.problems import HttpProblem

LONGEST_KEY = 200
KEY_REUSED = "urn:pledge:problem:key_reused"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=LONGEST_KEY,
        description="The same request sent again under the same key is carried out once; another "
        "request under it is refused.",
    ),
]


class KeyReused(HttpProblem):
    """The key was used for another request: 422."""

    def __init__(self) -> None:
        detail = "the Idempotency-Key was used for another request; take a new one"
        super().__init__(422, detail, type=KEY_REUSED)


class KeyInUse(HttpProblem):
    """A request with the same key is being answered now: 409."""

    def __init__(self) -> None:
        detail = "a request with the same Idempotency-Key is being answered; try again"
        super().__init__(409, detail, headers={"retry-after": "1"})


def check_same_request(known: bytes | None, fingerprint: bytes) -> None:
    """Compare the fingerprint kept under a key, if any. Raises KeyReused."""
    if known is not None and known != fingerprint:
        raise KeyReused
