"""Where cards may be sent, and with which keys."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from gateway.processors.authorizenet.configuration import (
    PRODUCTION_URL,
    SANDBOX_URL,
    Credentials,
    read_configuration,
    read_credentials,
    served_mode,
)
from gateway.settings import InvalidSettings, load_settings
from tests.processors.authorizenet.conftest import OpenProcessor


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        (SANDBOX_URL, "test"),
        (PRODUCTION_URL, "live"),
        ("https://api2.authorize.net/xml/v1/request.api", "live"),
        ("http://127.0.0.1:8010/xml/v1/request.api", "test"),
        ("http://[::1]:8010/xml/v1/request.api", "test"),
        ("https://localhost/xml/v1/request.api", "test"),
    ],
)
def test_the_address_decides_about_the_mode(url: str, mode: str) -> None:
    """Test keys never reach production, live keys nothing else."""
    assert mode == served_mode(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.authorize.net/xml/v1/request.api",
        "https://api.authorize.net.example.com/xml/v1/request.api",
        "https://api.authorize.net@example.com/xml/v1/request.api",
        "https://user:word@api.authorize.net/xml/v1/request.api",
        "https://api.authorize.net:8443/xml/v1/request.api",
        "https://example.com/",
        "https://10.0.0.1/",
        "ftp://127.0.0.1/",
        "",
    ],
)
def test_other_addresses_are_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cards would go there."""
    with pytest.raises(ValueError, match="is to be the sandbox"):
        served_mode(url)

    monkeypatch.setenv("GATEWAY_AUTHORIZENET_URL", url or "x")
    with pytest.raises(InvalidSettings, match=r"^GATEWAY_AUTHORIZENET_URL: is to be"):
        load_settings()


@pytest.mark.parametrize("name", ["API_LOGIN_ID", "TRANSACTION_KEY"])
def test_half_an_account_is_a_wrong_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable and no value."""
    monkeypatch.setenv(f"GATEWAY_AUTHORIZENET_{name}", "hunter2")

    with pytest.raises(InvalidSettings, match="together") as raised:
        load_settings()

    assert "GATEWAY_AUTHORIZENET_TRANSACTION_KEY: " in str(raised.value)
    assert "hunter2" not in str(raised.value)


async def test_the_settings_account_is_everybodys(open_processor: OpenProcessor) -> None:
    """Without one, only merchants with an account of their own can use the processor."""
    with_account = await open_processor(authorizenet_transaction_key=SecretStr("tkey"))
    without = await open_processor(
        authorizenet_api_login_id=None, authorizenet_transaction_key=None
    )

    assert with_account.traits.shared_account
    assert not without.traits.shared_account
    assert {"test"} == with_account.traits.modes


async def test_production_serves_live_keys_only(open_processor: OpenProcessor) -> None:
    """Nothing is sent by looking."""
    processor = await open_processor(authorizenet_url=PRODUCTION_URL)

    assert {"live"} == processor.traits.modes


def test_without_settings_it_is_the_sandbox() -> None:
    """And no account."""
    configuration = read_configuration({})

    assert (SANDBOX_URL, "test", None) == (
        configuration.url,
        configuration.mode,
        configuration.shared,
    )


def test_a_merchants_account_is_read_by_its_names() -> None:
    """One that lacks what requests need is none."""
    account = {"api_login_id": "login", "transaction_key": "tkey", "signature_key": "skey"}

    assert Credentials(
        api_login_id="login", transaction_key="tkey", signature_key="skey"
    ) == read_credentials(account)
    assert read_credentials({"api_login_id": "login"}) is None
