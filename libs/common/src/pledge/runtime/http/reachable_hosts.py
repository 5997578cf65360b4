"""Keeps outgoing requests out of the internal network: names are resolved once, the checked address
is used.

Without it, the author of a desk's file could make a service call the cloud's metadata service or an
internal database (server-side request forgery).
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable

import httpcore


class ForbiddenAddress(Exception):
    """The host is, or resolves to, an address inside a network that must not be called."""


class NameUnknown(Exception):
    """The host's name does not resolve."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet (v4 inside v6 included)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or _nat64(ip)
        if inner is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast


def _nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address behind the well-known NAT64 prefix (RFC 6052)."""
    if ip in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return None


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections for the HTTP client, to checked addresses only.

    `reachable` names the hosts (lower case) that may be private all the same.
    """

    def __init__(self, reachable: frozenset[str]) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._reachable = reachable

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve once, check every address, connect to the first that answers."""
        addresses = await _resolve(host, port)
        if host.lower() not in self._reachable:
            private = [address for address in addresses if not is_public(address)]
            if private:
                raise ForbiddenAddress(f"{host} is {private[0]}, which is not a public address")
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore.ConnectError:
                continue
        return await self._inner.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never: a webhook goes to a host."""
        raise ForbiddenAddress(f"webhooks go to hosts, not to the socket {path}")

    async def sleep(self, seconds: float) -> None:
        """Used by the client between its own connection retries, which are off."""
        await self._inner.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    """The host's addresses, without repetition. A literal address needs no resolver."""
    try:
        return [str(ipaddress.ip_address(host.strip("[]")))]
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise NameUnknown(f"{host}: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
