"""Which addresses the gateway may connect to when somebody else names the host."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

__all__ = ["OutboundGuard", "OutboundRefused"]

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network

# From IANA's registries of special-purpose addresses, with what Python 3.11 calls global although
# it leads inward: translation and tunnel prefixes, relays, and a cloud's metadata address.
_REFUSED: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "an unspecified address"),
    ("10.0.0.0/8", "a private address"),
    ("100.64.0.0/10", "a carrier-grade NAT address"),
    ("168.63.129.16/32", "a metadata address"),
    ("169.254.0.0/16", "a link-local address"),
    ("172.16.0.0/12", "a private address"),
    ("192.0.0.0/24", "a reserved address"),
    ("192.0.2.0/24", "a documentation address"),
    ("192.88.99.0/24", "a 6to4 relay address"),
    ("192.168.0.0/16", "a private address"),
    ("198.18.0.0/15", "a benchmarking address"),
    ("198.51.100.0/24", "a documentation address"),
    ("203.0.113.0/24", "a documentation address"),
    ("224.0.0.0/4", "a multicast address"),
    ("240.0.0.0/4", "a reserved address"),
    ("::/128", "an unspecified address"),
    ("::/96", "an IPv4-compatible address"),
    ("64:ff9b::/96", "a NAT64 address"),
    ("64:ff9b:1::/48", "a NAT64 address"),
    ("2001::/32", "a Teredo address"),
    ("2001::/23", "a reserved address"),
    ("2001:db8::/32", "a documentation address"),
    ("2002::/16", "a 6to4 address"),
    ("3fff::/20", "a documentation address"),
    ("fc00::/7", "a private address"),
    ("fe80::/10", "a link-local address"),
    ("fec0::/10", "a site-local address"),
    ("ff00::/8", "a multicast address"),
)
_RULES: tuple[tuple[_Network, str], ...] = tuple(
    (ip_network(network), reason) for network, reason in _REFUSED
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # all of IPv6 that is given out: RFC 4291, 2.4


class OutboundRefused(OSError):
    """No connection was made, because the guard refuses the address; `reason` says which kind.

    Its text is always the same: when all addresses of a host are refused, each for a reason of
    its own, the client joins errors of differing texts into one that has lost their class.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EACCES, "the address is refused by the outbound guard")
        self.reason = reason


class OutboundGuard:
    """Says which final addresses are refused; names are not looked at, they can be rebound.

    `allow_loopback` is for test mode; `allowed_networks` (CIDR) are the operator's own, whatever
    the rules say of them. Raises ValueError for a network that is not one.
    """

    def __init__(self, *, allow_loopback: bool, allowed_networks: Sequence[str] = ()) -> None:
        self.allow_loopback = allow_loopback
        self._allowed = tuple(ip_network(network) for network in allowed_networks)

    def __repr__(self) -> str:
        networks = ", ".join(map(str, self._allowed))
        return f"OutboundGuard(allow_loopback={self.allow_loopback}, allowed_networks=[{networks}])"

    @property
    def allows_internal_names(self) -> bool:
        """Whether names that only exist inside a network can lead anywhere allowed."""
        return self.allow_loopback or bool(self._allowed)

    def refuses(self, address: str) -> str | None:
        """Why no connection is made to the literal `address`; None when it may be made."""
        try:
            parsed = _unmapped(ip_address(address.partition("%")[0]))
        except ValueError:
            return "not an IP address"
        if any(parsed in network for network in self._allowed):
            return None
        if parsed.is_loopback:
            return None if self.allow_loopback else "a loopback address"
        return _rule_against(parsed)


def _unmapped(address: _Address) -> _Address:
    """An IPv4 address written as IPv6 is judged, and connected to, as the IPv4 address."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _rule_against(address: _Address) -> str | None:
    for network, reason in _RULES:
        if address in network:
            return reason
    outside = isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST
    return "not a global address" if outside or not address.is_global else None
