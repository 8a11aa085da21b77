"""Postgres, Redis, and what is sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveInt, SecretStr, ValidationInfo, field_validator

from gateway.security.vault import Vault
from gateway.settings.kinds import Seconds, SettingsSection

__all__ = ["StoreSettings"]

_SCHEMES = {
    "database_url": ("postgresql://", "postgres://"),
    "redis_url": ("redis://", "rediss://", "unix://"),
}


class StoreSettings(SettingsSection):
    """Postgres, Redis, and what is sealed."""

    database_url: SecretStr | None = None
    """`postgresql://…`; without it the gateway runs a Postgres of its own in the data directory."""
    redis_url: SecretStr | None = None
    """`redis://`, `rediss://` or `unix://…`; without it the gateway runs a Redis of its own."""
    data_dir: Path = Path("data")
    """Where the gateway's own stores and its generated key live."""
    encryption_key: SecretStr | None = None
    """32 random bytes in base64 (`openssl rand -base64 32`), required with `DATABASE_URL`. Several,
    separated by commas: the first one seals, all of them open."""
    database_connections_max: PositiveInt = 16
    """Connections to Postgres."""
    database_timeout_seconds: Seconds = 10
    """For a connection to Postgres, and for a statement."""
    redis_prefix: Annotated[str, Field(min_length=1, pattern=r"^[^\s*?\[\]]+$")] = "gateway"
    """What every key in Redis begins with; gateways with different ones do not see each other."""
    redis_connections_max: PositiveInt = 16
    """Connections to Redis."""
    redis_timeout_seconds: Seconds = 1.0
    """For a connection to Redis, and for a command."""
    sealed_seconds: PositiveInt = 900
    """How long sealed card data is kept at most."""
    sealed_wait_seconds: Seconds = 0.25
    """How long a payment waits for a Redis that hangs before its card data stays in memory."""
    sealed_in_memory_max: PositiveInt = 10_000
    """Cards whose sealed data waits in memory while Redis is away."""

    @field_validator("encryption_key")
    @classmethod
    def _are_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            Vault([key.strip() for key in value.get_secret_value().split(",")])
        return value

    @field_validator("database_url", "redis_url")
    @classmethod
    def _names_a_server(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        schemes = _SCHEMES[str(info.field_name)]
        if value is not None and not value.get_secret_value().startswith(schemes):
            raise ValueError(f"is to begin with {' or '.join(schemes)}")
        return value
