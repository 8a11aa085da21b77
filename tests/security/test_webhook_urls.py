"""What merchants may enter as a webhook URL, and what they are told otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from gateway.security.credentials import Mode
from gateway.security.outbound import OutboundGuard, validate_webhook_url

STRICT = OutboundGuard(allow_loopback=False)
TEST_MODE = OutboundGuard(allow_loopback=True)
INSIDE = OutboundGuard(allow_loopback=False, allowed_networks=["10.0.0.0/8"])


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/hooks?id=1&b=%2F",
        "https://EXAMPLE.com:8443/",
        "https://example.com./",
        "https://sub_domain.example.com/x@y",
        "https://münchen.example/",
        "https://☃.example/",
        "https://xn--mnchen-3ya.example/",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]/x",
        "https://[2606:4700::1111]:65535/x",
        "https://localhost.example.com/",
        "https://internal.example.com/",
        "https://0x7f.example/",
    ],
)
@pytest.mark.parametrize("mode", ["test", "live"])
def test_public_urls_are_kept_as_they_were_entered(url: str, mode: Mode) -> None:
    """In both modes, and only the space around them goes."""
    assert url == validate_webhook_url(url, STRICT, mode)
    assert url == validate_webhook_url(f"  {url}\n", STRICT, mode)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "between 1 and 2048"),
        ("   ", "between 1 and 2048"),
        ("https://example.com/" + "x" * 2030, "between 1 and 2048"),
        ("example.com/hook", "begin with"),
        ("//example.com/hook", "begin with"),
        ("https:example.com", "begin with"),
        ("https:/example.com", "begin with"),
        ("ftp://example.com/", "begin with"),
        ("file:///etc/passwd", "begin with"),
        ("javascript:alert(1)", "begin with"),
        ("gopher://example.com/", "begin with"),
        ("unix:///run/docker.sock", "begin with"),
        ("https://user:pass@example.com/", "user name or password"),
        ("https://user@example.com/", "user name or password"),
        ("https://@example.com/", "user name or password"),
        ("https://example.com@10.0.0.1/", "user name or password"),
        ("https://example.com/#part", "fragment"),
        ("https://example.com/#", "fragment"),
        ("https:///path", "name a host"),
        ("https://?x=1", "name a host"),
        ("https://example.com:0/", "port"),
        ("https://example.com:/", "port"),
        ("https://example.com:65536/", "not a valid URL"),
        ("https://example.com:80:80/", "not a valid URL"),
        ("https://example.com:+443/", "port"),
        ("https://example.com:4_43/", "port"),
        ("https://example.com:\uff14\uff14\uff13/", "port"),
        ("https://example .com/", "spaces"),
        ("https://example.com/a b", "spaces"),
        ("https://exam\tple.com/", "spaces"),
        ("https://example.com/\r\nX-Injected: 1", "spaces"),
        ("https://example.com/\x00", "spaces"),
        ("https://example.com\\@10.0.0.1/", "spaces"),
        ("https://[::1", "not a valid URL"),
        ("https://[v1.x]/", "name a host"),
        ("https://a..b/", "valid host name"),
        ("https://-a.com/", "valid host name"),
        ("https://" + "a" * 64 + ".com/", "valid host name"),
        ("https://" + "a." * 130 + "com/", "valid host name"),
        ("https://exa%6dple.com/", "valid host name"),
        ("https://127%2e0.0.1/", "valid host name"),
        ("https://1.2.3.4.5/", "valid host name"),
        ("https://example.123/", "valid host name"),
        ("https://example.0x7f/", "valid host name"),
        ("https://256.256.256.256/", "valid host name"),
        ("https://ex\xadample.com./\x7f", "spaces"),
        ("https://\xad.com/", "not a valid URL"),
        ("https://localhost/", "internal name"),
        ("https://LocalHost./", "internal name"),
        ("https://a.localhost/", "internal name"),
        ("https://printer.local/", "internal name"),
        ("https://local/", "internal name"),
        ("https://metadata.google.internal/computeMetadata/v1/", "internal name"),
        ("https://localhost.localdomain/", "internal name"),
        ("https://router.home.arpa/", "internal name"),
        ("https://127.0.0.1/", "a loopback address"),
        ("https://127.0.0.1./", "a loopback address"),
        ("https://127.1/", "a loopback address"),
        ("https://0x7f.1/", "a loopback address"),
        ("https://0X7F000001/", "a loopback address"),
        ("https://2130706433/", "a loopback address"),
        ("https://017700000001/", "a loopback address"),
        ("https://0177.0.0.01/", "a loopback address"),
        ("https://127。0。0。1/", "a loopback address"),
        ("https://\uff11\uff12\uff17.0.0.1/", "a loopback address"),
        ("https://[::1]/", "a loopback address"),
        ("https://[::ffff:127.0.0.1]/", "a loopback address"),
        ("https://[::ffff:7f00:1]:8443/", "a loopback address"),
        ("https://[0:0:0:0:0:0:0:1]/", "a loopback address"),
        ("https://0/", "an unspecified address"),
        ("https://0.0.0.0/", "an unspecified address"),
        ("https://[::]/", "an unspecified address"),
        ("https://[::127.0.0.1]/", "an IPv4-compatible address"),
        ("https://10.1/", "a private address"),
        ("https://192.168.257/", "a private address"),
        ("https://[fd00::1]/", "a private address"),
        ("https://169.254.169.254/latest/meta-data/", "a link-local address"),
        ("https://2852039166/", "a link-local address"),
        ("https://[fe80::1%25eth0]/", "a link-local address"),
        ("https://[64:ff9b::7f00:1]/", "a NAT64 address"),
        ("https://[2002:7f00:1::]/", "a 6to4 address"),
    ],
)
@pytest.mark.parametrize("mode", ["test", "live"])
def test_other_urls_are_refused_with_a_reason(url: str, complaint: str, mode: Mode) -> None:
    """The text says what to change, in either mode, and does not repeat the URL."""
    with pytest.raises(ValueError, match=complaint) as refusal:
        validate_webhook_url(url, STRICT, mode)

    assert str(refusal.value).startswith("Webhook URL ")
    assert "pass" not in str(refusal.value).replace("password", "")
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_only_test_mode_takes_plain_http() -> None:
    """Live events travel encrypted."""
    url = "http://example.com/hook"

    assert url == validate_webhook_url(url, STRICT, "test")
    with pytest.raises(ValueError, match=r"must begin with https://$"):
        validate_webhook_url(url, STRICT, "live")


@pytest.mark.parametrize(
    "url", ["http://localhost:4000/hook", "http://127.0.0.1:4000/", "http://[::1]:4000/"]
)
def test_a_guard_that_allows_loopback_takes_local_urls(url: str) -> None:
    """Trying the gateway out on one machine needs no tunnel."""
    assert url == validate_webhook_url(url, TEST_MODE, "test")


def test_allowed_networks_bring_internal_names_but_not_other_addresses() -> None:
    """An operator's own network has names of its own; the guard still looks at the addresses."""
    url = "https://shop.internal/hook"

    assert url == validate_webhook_url(url, INSIDE, "live")
    assert "https://10.2.3.4/" == validate_webhook_url("https://10.2.3.4/", INSIDE, "live")
    with pytest.raises(ValueError, match="a private address"):
        validate_webhook_url("https://192.168.0.1/", INSIDE, "live")


@given(st.text(max_size=60), st.sampled_from(["", "https://", "http://", "https://[", "https://1"]))
def test_any_text_is_either_accepted_or_refused_with_a_reason(text: str, prefix: str) -> None:
    """No input raises anything but ValueError, and what is accepted the client can parse."""
    try:
        accepted = validate_webhook_url(prefix + text, STRICT, "test")
    except ValueError as refusal:
        assert str(refusal).startswith("Webhook URL ")  # noqa: PT017  # either way is right
    else:
        parsed = URL(accepted)
        assert parsed.scheme in ("http", "https")
        assert parsed.host
        assert None is parsed.user
