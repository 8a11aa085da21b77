"""Where a request comes from, as far as it can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from aiohttp import web

__all__ = ["client_address", "client_network"]

_FORWARDERS_MAX = 16
_SUBSCRIBER_BITS = 64  # what one customer of an IPv6 provider has, at least


def client_address(request: web.Request, trusted_proxies: Sequence[str]) -> str:
    """The address of who asks: the nearest one that is no trusted proxy's."""
    address = request.remote or ""
    if not trusted_proxies or not _is_trusted(address, tuple(trusted_proxies)):
        return address
    hops = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    for hop in reversed([hop.strip() for hop in hops[-_FORWARDERS_MAX:]]):
        if _parsed(hop) is None:
            break
        address = hop
        if not _is_trusted(hop, tuple(trusted_proxies)):
            break
    return address


def client_network(address: str) -> str:
    """What attempts are counted by: the address, of IPv6 the network of one subscriber."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, _SUBSCRIBER_BITS), strict=False))
    return address


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


@lru_cache(maxsize=1024)
def _is_trusted(address: str, networks: tuple[str, ...]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in ip_network(each) for each in networks)
