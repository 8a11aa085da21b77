"""Authorize.Net."""

from __future__ import annotations

from pydantic import Field, PositiveInt, SecretStr, ValidationInfo, field_validator

from gateway.processors.authorizenet.configuration import SANDBOX_URL, served_mode
from gateway.settings.kinds import Seconds, SettingsSection

__all__ = ["AuthorizeNetSettings"]


class AuthorizeNetSettings(SettingsSection):
    """Authorize.Net; docs/authorize-net.md says how to set it up."""

    authorizenet_url: str = SANDBOX_URL
    """Where requests go: the sandbox, or an address of this machine, serves test keys;
    `https://api.authorize.net/xml/v1/request.api` serves live keys only."""
    authorizenet_api_login_id: SecretStr | None = None
    """The API login ID of the account that every merchant's routing rules may use."""
    authorizenet_transaction_key: SecretStr | None = Field(default=None, validate_default=True)
    """Its transaction key."""
    authorizenet_signature_key: SecretStr | None = None
    """Its signature key, with which the webhooks that it sends are checked."""
    authorizenet_timeout_seconds: Seconds = 30
    """The longest a call to it takes, answer or not."""
    authorizenet_connect_seconds: Seconds = 5
    """How long one of its addresses gets to answer a new connection."""
    authorizenet_connections_max: PositiveInt = 1_000
    """Connections to it that are open at once; further calls wait for one, half of the timeout."""
    authorizenet_reply_bytes_max: PositiveInt = 4 * 1024 * 1024
    """The longest reply; a page of 1,000 transactions has about half a megabyte."""
    authorizenet_list_pages_max: PositiveInt = 10
    """Pages of 1,000 transactions that are searched in a list for one whose answer was lost."""
    authorizenet_batches_max: PositiveInt = 50
    """Settled batches that are searched for it."""

    @field_validator("authorizenet_url")
    @classmethod
    def _is_known_address(cls, value: str) -> str:
        served_mode(value)
        return value

    @field_validator("authorizenet_transaction_key")
    @classmethod
    def _is_half_an_account(
        cls, value: SecretStr | None, validated: ValidationInfo
    ) -> SecretStr | None:
        if (value is None) != (validated.data.get("authorizenet_api_login_id") is None):
            raise ValueError("is to be set together with GATEWAY_AUTHORIZENET_API_LOGIN_ID")
        return value
