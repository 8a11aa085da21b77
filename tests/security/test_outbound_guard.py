"""The guard's judgement of addresses. Nothing is sent anywhere: only answers are looked at."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.security.outbound import OutboundGuard, OutboundRefused, socket_factory

STRICT = OutboundGuard(allow_loopback=False)
TEST_MODE = OutboundGuard(allow_loopback=True)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0", "unspecified"),  # noqa: S104  # looked at, not bound to
        ("0.1.2.3", "unspecified"),
        ("10.0.0.1", "private"),
        ("100.64.0.1", "carrier-grade"),
        ("100.100.100.200", "carrier-grade"),
        ("100.127.255.255", "carrier-grade"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("168.63.129.16", "metadata"),
        ("169.254.0.1", "link-local"),
        ("169.254.169.254", "link-local"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.0.0.192", "reserved"),
        ("192.0.2.1", "documentation"),
        ("192.88.99.1", "6to4 relay"),
        ("192.168.0.1", "private"),
        ("198.18.0.1", "benchmarking"),
        ("198.19.255.255", "benchmarking"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::7f00:1", "IPv4-compatible"),
        ("::10.0.0.1", "IPv4-compatible"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:a9fe:a9fe", "link-local"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:0.0.0.0", "unspecified"),
        ("::ffff:0:127.0.0.1", "not a global"),
        ("64:ff9b::7f00:1", "NAT64"),
        ("64:ff9b::8.8.8.8", "NAT64"),
        ("64:ff9b:1::1", "NAT64"),
        ("100::1", "not a global"),
        ("2001::1", "Teredo"),
        ("2001:2::1", "reserved"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::", "6to4"),
        ("2002:808:808::1", "6to4"),
        ("3fff::1", "documentation"),
        ("4000::1", "not a global"),
        ("5f00::1", "not a global"),
        ("fc00::1", "private"),
        ("fd00:ec2::254", "private"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
        ("localhost", "not an IP"),
        ("127.1", "not an IP"),
        ("0x7f000001", "not an IP"),
        ("", "not an IP"),
    ],
)
def test_what_leads_inward_is_refused(address: str, reason: str) -> None:
    """Every special range is refused and says which it is."""
    assert reason in (STRICT.refuses(address) or "allowed")


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "168.63.129.17", "2606:4700::1111"],
)
def test_the_internet_is_allowed(address: str) -> None:
    """Ordinary public addresses pass, just outside a refused range too."""
    assert None is STRICT.refuses(address)


def test_an_ipv4_address_in_ipv6_clothes_is_judged_as_itself() -> None:
    """The mapped form of a public address passes."""
    assert None is STRICT.refuses("::ffff:8.8.8.8")


def test_test_mode_allows_loopback_and_nothing_else() -> None:
    """127.0.0.0/8, ::1 and its mapped form pass; the unspecified and private ones do not."""
    for address in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"):
        assert None is TEST_MODE.refuses(address)
    for address in ("0.0.0.0", "::", "10.0.0.1", "169.254.169.254", "::7f00:1", "2002:7f00:1::"):  # noqa: S104
        assert TEST_MODE.refuses(address)


def test_the_operators_networks_are_allowed() -> None:
    """Exactly the listed networks are opened, in their mapped form too."""
    guard = OutboundGuard(allow_loopback=False, allowed_networks=["10.1.0.0/16", "fd00::/8"])

    for address in ("10.1.255.255", "::ffff:10.1.0.1", "fd12::1"):
        assert None is guard.refuses(address)
    for address in ("10.2.0.1", "192.168.0.1", "fc00::1", "127.0.0.1", "64:ff9b::a01:1"):
        assert guard.refuses(address)


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "internal", ""])
def test_a_mistyped_network_is_an_error(network: str) -> None:
    """A network with host bits, or none at all, raises ValueError at start."""
    with pytest.raises(ValueError, match=r".+"):
        OutboundGuard(allow_loopback=False, allowed_networks=[network])


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_that_python_calls_special_passes(address: IPv4Address) -> None:
    """Our table refuses at least what the standard library does, mapped or not, alike."""
    reason = STRICT.refuses(str(address))

    assert reason or (address.is_global and not address.is_multicast)
    assert reason == STRICT.refuses(f"::ffff:{address}")


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_that_python_calls_special_passes(address: IPv6Address) -> None:
    """The same, and nothing outside global unicast."""
    assume(address.ipv4_mapped is None)  # those are judged as IPv4, above
    special = not address.is_global or address.is_multicast or address.is_reserved

    assert STRICT.refuses(str(address)) or not special


def information(address: str, family: int = socket.AF_INET) -> tuple[object, ...]:
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443))


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "127.0.0.1"])
def test_the_socket_factory_refuses_before_there_is_a_socket(address: str) -> None:
    """The error is an OSError that names the reason, never the address."""
    with pytest.raises(OutboundRefused) as refusal:
        socket_factory(STRICT)(information(address))

    assert isinstance(refusal.value, OSError)
    assert refusal.value.reason == STRICT.refuses(address)
    assert address not in str(refusal.value)


def test_the_socket_factory_knows_only_internet_sockets() -> None:
    """A Unix socket, whatever its path, is refused."""
    with pytest.raises(OutboundRefused, match="refused by the outbound guard"):
        socket_factory(TEST_MODE)((socket.AF_UNIX, socket.SOCK_STREAM, 0, "", "/run/a.sock"))


def test_the_socket_factory_makes_an_unconnected_socket() -> None:
    """For an allowed address; connecting is left to the client."""
    with socket_factory(STRICT)(information("8.8.8.8")) as made:
        assert socket.AF_INET == made.family
        with pytest.raises(OSError, match="not connected"):
            made.getpeername()


def test_a_guard_says_what_it_allows() -> None:
    """For the log at start: both settings, nothing else."""
    guard = OutboundGuard(allow_loopback=True, allowed_networks=["10.0.0.0/8"])

    assert "OutboundGuard(allow_loopback=True, allowed_networks=[10.0.0.0/8])" == repr(guard)
