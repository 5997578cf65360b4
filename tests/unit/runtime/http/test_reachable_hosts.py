"""Webhooks stay out of networks that are not the public internet."""

from __future__ import annotations

import httpcore
import pytest

from pledge.runtime.http.reachable_hosts import (
    ForbiddenAddress,
    GuardedBackend,
    NameUnknown,
    is_public,
)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "fd00:ec2::254",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34"]
)
def test_addresses_of_the_internet_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0", "127.1", "2130706433", "0x7f000001", "[::1]"]
)
async def test_no_spelling_of_loopback_is_connected_to(host: str) -> None:
    backend = GuardedBackend(frozenset())

    with pytest.raises((ForbiddenAddress, NameUnknown)):
        await backend.connect_tcp(host, 9, timeout=1)


async def test_an_allowed_host_is_connected_to() -> None:
    backend = GuardedBackend(frozenset({"127.0.0.1"}))

    with pytest.raises(httpcore.ConnectError):  # nobody listens there, but it was tried
        await backend.connect_tcp("127.0.0.1", 9, timeout=1)


async def test_a_name_that_does_not_exist_says_so() -> None:
    with pytest.raises(NameUnknown):
        await GuardedBackend(frozenset()).connect_tcp("nowhere.invalid", 443, timeout=1)
