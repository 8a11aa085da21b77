"""All settings, read once at the start. `gateway check` prints them with secrets hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = ["Settings"]

CommaSeparated = Annotated[tuple[str, ...], NoDecode]


def _bare(name: str, default: Any) -> Any:
    """A setting that platforms and tests set without the prefix; the prefixed name works too."""
    return Field(default, validation_alias=AliasChoices(name, f"GATEWAY_{name}"))


class Settings(BaseSettings):
    """One attribute a setting; its name in capitals with `GATEWAY_` before it is the variable's."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True, extra="ignore")

    # What platforms and tests set without the prefix.
    database_url: SecretStr | None = _bare("DATABASE_URL", None)
    redis_url: SecretStr | None = _bare("REDIS_URL", None)
    port: int = _bare("PORT", 8000)
    dashboard_port: int | None = _bare("DASHBOARD_PORT", None)
    checkout_port: int | None = _bare("CHECKOUT_PORT", None)
    test_mode: bool = _bare("TEST_MODE", False)
    test_processing_delay: int = _bare("TEST_PROCESSING_DELAY", 1000)  # milliseconds
    test_payment_success: bool | None = _bare("TEST_PAYMENT_SUCCESS", None)
    webhook_retry_intervals_test: bool = _bare("WEBHOOK_RETRY_INTERVALS_TEST", False)

    # Surfaces.
    host: str = "0.0.0.0"  # noqa: S104 - a server in a container listens on every interface
    operations_port: int | None = None
    public_url: str | None = None
    trusted_proxies: CommaSeparated = ()
    test_controls: bool = False
    body_bytes_max: int = 256 * 1024
    wait_seconds_max: float = 30
    shutdown_seconds: float = 10
    log_level: str = "info"
    log_format: str | None = None  # json, console; by default console on a terminal only

    # Stores.
    data_dir: Path = Path("data")
    encryption_key: SecretStr | None = None  # several, comma separated: the first one seals
    database_connections_max: int = 16
    database_timeout_seconds: float = 10
    redis_prefix: str = "gateway"
    redis_connections_max: int = 16
    redis_timeout_seconds: float = 1.0
    sealed_seconds: int = 900
    sealed_wait_seconds: float = 0.25
    sealed_in_memory_max: int = 10_000

    # Actors.
    mailbox_max: int = 1_000
    ask_seconds: float = 30
    restarts_max: int = 5
    restarts_period_seconds: float = 60
    live_orders_max: int = 20_000
    order_idle_seconds: float = 60
    journal_batch_max: int = 500
    journal_pending_max: int = 10_000
    enqueuer_pending_max: int = 100_000
    processor_actors: int = 8
    processor_calls_max: int = 12_000  # in flight at once, all processor actors together
    claim_count: int = 200
    take_over_seconds: float = 60  # jobs of a process that has been silent for so long
    job_patience_seconds: float = 120  # how long a job waits for stores that are away
    recovery_seconds: float = 30
    recovery_slice: int = 500

    # Money.
    lease_margin_seconds: float = 5
    capture_window_seconds: float = 7 * 86_400
    action_seconds: float = 900
    payments_per_order_max: int = 50
    refunds_per_payment_max: int = 200
    idempotency_seconds: int = 86_400

    # Webhooks.
    webhook_timeout_seconds: float = 5
    webhook_endpoint_concurrency: int = 32
    webhook_posts_max: int = 1_000
    webhook_allowed_networks: CommaSeparated = ()
    webhook_secret_overlap_seconds: int = 86_400
    webhook_disable_after_seconds: float = 5 * 86_400
    webhook_endpoints_max: int = 30
    webhook_response_characters_max: int = 2_048
    webhook_body_days: int = 90
    event_days: int = 400

    # The simulated bank outside test mode: seconds, and the share of approvals in percent.
    simulator_payment_seconds: tuple[float, float] = (5, 10)
    simulator_refund_seconds: tuple[float, float] = (3, 5)
    simulator_upi_success_percent: int = 90
    simulator_card_success_percent: int = 95
    simulator_timeout_seconds: float = 30
    # Payments and refunds by a distribution instead: lognormal:120:380, p50 and p99 in ms.
    simulator_delay: str | None = None

    @field_validator("trusted_proxies", "webhook_allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("test_payment_success", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value
