"""Where requests come from: the nearest address that is no trusted proxy's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from multidict import CIMultiDict

from gateway.web.client_addresses import client_address, client_network

PROXIES = ("10.0.0.0/8", "2001:db8::1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["203.0.113.9", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.1.2.3", ["198.51.100.1, nonsense"], "10.1.2.3"),
        ("10.1.2.3", ["nonsense, 10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", ["198.51.100.1" + ", 10.9.9.9" * 100], "10.9.9.9"),
        ("2001:db8::1", ["2001:db8:9::7"], "2001:db8:9::7"),
        ("::ffff:10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("", [], ""),
    ],
)
def test_who_asks(peer: str, forwarded: list[str], address: str) -> None:
    """Only what a trusted proxy says is believed, from the nearest hop on, and not without end."""
    headers = CIMultiDict([("X-Forwarded-For", each) for each in forwarded])
    request = SimpleNamespace(remote=peer, headers=headers)

    assert address == client_address(request, PROXIES)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("", ""),
        ("nonsense", "nonsense"),
    ],
)
def test_what_counts_as_one_place(address: str, network: str) -> None:
    """An IPv4 address, or the network that one IPv6 subscriber has."""

    assert network == client_network(address)
