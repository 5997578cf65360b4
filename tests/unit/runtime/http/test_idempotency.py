from __future__ import annotations

import pytest

from pledge.runtime.http.idempotency import KEY_REUSED, KeyInUse, KeyReused, check_same_request


def test_a_key_means_one_request() -> None:
    check_same_request(None, b"a request")
    check_same_request(b"a request", b"a request")
    with pytest.raises(KeyReused) as refused:
        check_same_request(b"a request", b"another")
    assert (refused.value.status, refused.value.type) == (422, KEY_REUSED)


def test_a_request_under_way_asks_to_come_back() -> None:
    problem = KeyInUse()
    assert (problem.status, problem.headers) == (409, {"retry-after": "1"})
