"""Where Authorize.Net is, who we are there, and what the settings say of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from gateway.domain.outcomes import Account

__all__ = [
    "PRODUCTION_URL",
    "SANDBOX_URL",
    "SETTING_NAMES",
    "Configuration",
    "Credentials",
    "read_configuration",
    "read_credentials",
    "served_mode",
]

SANDBOX_URL = "https://apitest.authorize.net/xml/v1/request.api"
PRODUCTION_URL = "https://api.authorize.net/xml/v1/request.api"

_MODES = {
    "apitest.authorize.net": "test",
    "api.authorize.net": "live",
    "api2.authorize.net": "live",
}
_PREFIX = "authorizenet_"
_SECRETS = ("api_login_id", "transaction_key", "signature_key")

SETTING_NAMES = frozenset(
    f"{_PREFIX}{name}"
    for name in (
        "url",
        *_SECRETS,
        "timeout_seconds",
        "connect_seconds",
        "connections_max",
        "reply_bytes_max",
        "list_pages_max",
        "batches_max",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An account at Authorize.Net; `signature_key` is for what it sends to us."""

    api_login_id: str = field(repr=False)
    transaction_key: str = field(repr=False)
    signature_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The settings; `shared` is the gateway's own account, None where it has none.

    `list_pages_max` and `batches_max` bound the search for one transaction: pages of a list, and
    settled batches.
    """

    url: str
    mode: str
    shared: Credentials | None
    timeout_seconds: float
    connect_seconds: float
    connections_max: int
    reply_bytes_max: int
    list_pages_max: int
    batches_max: int


def served_mode(url: str) -> str:
    """`test` for the sandbox and for this machine, `live` for production.

    Raises ValueError for any other address, so that no mistake in it can send cards elsewhere.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username is None and parts.password is None:
        if parts.scheme in ("http", "https") and _is_loopback(host):
            return "test"
        if parts.scheme == "https" and host in _MODES and parts.port in (None, 443):
            return _MODES[host]
    raise ValueError(
        f"is to be the sandbox ({SANDBOX_URL}), production ({PRODUCTION_URL}), or an address of "
        "this machine"
    )


def read_configuration(settings: Mapping[str, Any]) -> Configuration:
    """What a processor is started with. Raises ValueError for what cannot be used."""

    def read(name: str, default: Any) -> Any:
        value = settings.get(f"{_PREFIX}{name}")
        return default if value is None else value

    url = str(read("url", SANDBOX_URL))
    given = {name: _revealed(read(name, None)) or "" for name in _SECRETS}
    if bool(given["api_login_id"]) != bool(given["transaction_key"]):
        raise ValueError("API login id and transaction key are needed together")
    return Configuration(
        url=url,
        mode=served_mode(url),
        shared=read_credentials(given),
        timeout_seconds=float(read("timeout_seconds", 30)),
        connect_seconds=float(read("connect_seconds", 5)),
        connections_max=int(read("connections_max", 1_000)),
        reply_bytes_max=int(read("reply_bytes_max", 4 * 1024 * 1024)),
        list_pages_max=int(read("list_pages_max", 10)),
        batches_max=int(read("batches_max", 50)),
    )


def read_credentials(account: Account) -> Credentials | None:
    """An account from its parts; None where it lacks one that requests need."""
    login, key = account.get("api_login_id"), account.get("transaction_key")
    if not login or not key:
        return None
    return Credentials(
        api_login_id=login,
        transaction_key=key,
        signature_key=account.get("signature_key") or None,
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _revealed(value: Any) -> str | None:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return None if text is None else str(text)
