"""All settings, read once at the start. `gateway check` prints them with secrets hidden.

docs/settings.md is made of this file: `python -m gateway.cli.reference > docs/settings.md`.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveInt,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from gateway.environment import EnvironmentSource, InvalidSettings, source_of, variables_of
from gateway.security.vault import Vault

__all__ = ["InvalidSettings", "Settings", "load_settings"]

CommaSeparated = tuple[str, ...]
Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SecondsOrNone = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[int, Field(ge=0, le=100)]
_SCHEMES = {
    "database_url": ("postgresql://", "postgres://"),
    "redis_url": ("redis://", "rediss://", "unix://"),
    "smtp_url": ("smtp://", "smtps://"),
}
SecondsRange = tuple[SecondsOrNone, SecondsOrNone]


class Settings(BaseSettings):
    """One attribute a setting; its name in capitals with `GATEWAY_` before it is the variable's.

    Those of `environment.BARE` are known without the prefix as well.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True
    )

    # Stores
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

    # Surfaces
    host: str = "0.0.0.0"  # noqa: S104 - a server in a container listens on every interface
    """The address to listen on."""
    port: Port = 8000
    """API, checkout, dashboard and operations."""
    dashboard_port: Port | None = None
    """A further port with the same routes, for setups that expect the dashboard on its own."""
    checkout_port: Port | None = None
    """A further port with the same routes, for setups that expect the checkout on its own."""
    operations_port: Port | None = None
    """Moves the metrics from the public port to this one."""
    public_url: str | None = None
    """The address merchants and shoppers use, such as `https://pay.example.com`."""
    trusted_proxies: CommaSeparated = ()
    """Addresses or networks, separated by commas, whose forwarded headers are believed."""
    body_bytes_max: PositiveInt = 256 * 1024
    """The longest request body."""
    header_bytes_max: PositiveInt = 16 * 1024
    """The longest request line, and the longest header."""
    keepalive_seconds: Seconds = 75
    """How long an idle connection is kept open."""
    key_cache_seconds: Seconds = 2
    """How long an API key is remembered; a revocation takes effect at once all the same."""
    key_cache_max: PositiveInt = 10_000
    """API keys that are remembered."""
    wait_seconds_max: Seconds = 30
    """How long a request waits for an outcome before it is answered with 202."""
    streams_max: PositiveInt = 1_000
    """Live streams (server-sent events) that are open at once; pages beyond that ask repeatedly."""
    streams_per_payment_max: PositiveInt = 6
    """Live streams of one payment, such as of several tabs."""
    streams_per_merchant_max: PositiveInt = 50
    """Live streams of one merchant's dashboard."""
    stream_seconds_max: Seconds = 600
    """How long a live stream is kept open; a page that wants to know more opens another."""
    stream_heartbeat_seconds: Seconds = 15
    """How often a quiet live stream is written to, so that nothing on the way closes it."""
    shutdown_seconds: SecondsOrNone = 10
    """What work under way gets to finish after SIGTERM."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe lines that are logged."""
    log_format: Literal["json", "console"] | None = None
    """By default `console` on a terminal and `json` elsewhere."""

    # Dashboard
    session_idle_seconds: PositiveInt = 2 * 3_600
    """After how long without a request a session of the dashboard ends."""
    session_lifetime_seconds: PositiveInt = 12 * 3_600
    """After how long a session ends in any case."""
    session_confirmed_seconds: PositiveInt = 300
    """How long after the password was entered secrets are shown without asking for it again."""
    sessions_per_user_max: PositiveInt = 20
    """Sessions of one user; a further one ends the oldest."""
    sign_in_window_seconds: PositiveInt = 900
    """The period in which attempts to sign in are counted."""
    sign_in_attempts_max: PositiveInt = 10
    """Failed attempts for one e-mail address within the period."""
    sign_in_address_attempts_max: PositiveInt = 50
    """Failed attempts from one client address within the period."""
    api_keys_max: PositiveInt = 50
    """API keys of one merchant and mode that were not revoked."""
    invitation_seconds: PositiveInt = 7 * 86_400
    """How long an invitation to a team holds."""
    team_members_max: PositiveInt = 200
    """People of one merchant, invited ones included."""
    smtp_url: SecretStr | None = None
    """`smtp://user:password@host:587` or `smtps://…`: where mail is handed over. Without it
    invitations are links that whoever invites passes on."""
    smtp_from: str = "gateway@localhost"
    """The sender of mails."""
    smtp_timeout_seconds: Seconds = 10
    """For a mail server's answer."""
    smtp_waiting_max: PositiveInt = 20
    """Mails that wait for being sent."""
    password_characters_min: PositiveInt = 12
    """The shortest password that a user may choose."""
    password_threads: PositiveInt = 2
    """Passwords that are hashed at once, each with 64 MiB of memory."""
    password_waiting_max: PositiveInt = 32
    """Passwords that wait for being hashed; beyond that the answer is 503."""

    # Test mode
    test_mode: bool = False
    """Seeds the test merchant and lets the simulated bank be told what to do. No sandbox without,
    no production with it."""
    test_processing_delay: NonNegativeInt = 1000
    """Milliseconds the simulated bank takes in test mode."""
    test_payment_success: bool | None = None
    """Decides every payment in test mode; unset, the fixed instruments decide."""
    webhook_retry_intervals_test: bool = False
    """Repeats deliveries after 5, 10, 15 and 20 seconds instead of the schedule of hours."""
    test_controls: bool = False
    """With `TEST_MODE`: the clock and fault points of tests, on loopback only."""

    # Dashboard
    dashboard_page_rows: PositiveInt = 25
    """Rows on a page of a list."""
    dashboard_scan_max: PositiveInt = 50_000
    """Rows that a filtered list looks through before it offers to look further."""
    dashboard_total_max: PositiveInt = 10_000
    """Up to how many rows a list counts them all."""
    dashboard_query_seconds: Seconds = 3
    """For one of the dashboard's questions to the database."""
    dashboard_wait_seconds: Seconds = 8
    """How long a page waits for a capture or a void before it says that it is under way."""
    dashboard_range_days_max: PositiveInt = 366
    """The longest time that the overview adds up."""
    dashboard_export_rows_max: PositiveInt = 100_000
    """Rows of one export."""
    dashboard_exports_max: PositiveInt = 4
    """Exports under way at once."""
    dashboard_export_seconds_max: Seconds = 300
    """The longest an export may take, however slowly it is read."""
    summary_seconds: Seconds = 20
    """How often the sums of the overview are brought up to date."""
    summary_lag_seconds: Seconds = 60
    """How long what has happened may take to become visible to the sums."""

    # Actors
    mailbox_max: PositiveInt = 1_000
    """Messages that wait for one actor."""
    ask_seconds: Seconds = 30
    """How long an actor's answer is waited for."""
    restarts_max: NonNegativeInt = 5
    """Restarts within the period after which a supervisor gives up, and the process ends."""
    restarts_period_seconds: Seconds = 60
    """The period in which restarts are counted."""
    live_orders_max: PositiveInt = 20_000
    """Orders whose actors are in memory at once."""
    order_idle_seconds: Seconds = 60
    """After how long without messages an order's actor is forgotten."""
    journal_batch_max: PositiveInt = 500
    """Units of work committed in one transaction."""
    journal_pending_max: PositiveInt = 10_000
    """Units of work that wait for a transaction; beyond that the answer is 503."""
    enqueuer_pending_max: PositiveInt = 100_000
    """Jobs that wait for Redis; what is beyond that is found in Postgres later."""
    processor_actors: PositiveInt = 8
    """Actors that carry out payments and refunds."""
    processor_calls_max: PositiveInt = 12_000
    """Calls to payment processors under way at once, all actors together."""
    claim_count: PositiveInt = 200
    """Jobs taken from Redis in one go."""
    take_over_seconds: Seconds = 60
    """After how long of silence from a process its jobs are taken over by another."""
    job_patience_seconds: Seconds = 120
    """How long a job waits for stores that are away before it is left for later."""
    job_failures_max: PositiveInt = 5
    """How often a job may fail by a fault of ours before it is kept as a dead letter."""
    recovery_seconds: Seconds = 30
    """How often lost work is looked for."""
    recovery_slice: PositiveInt = 500
    """Rows handled in one go when looking for lost or old ones."""

    # Money
    lease_margin_seconds: Seconds = 5
    """What is added to a processor's timeout before anybody else touches an attempt."""
    capture_window_seconds: Seconds = 7 * 86_400
    """After how long an authorization that was not captured is voided."""
    action_seconds: Seconds = 900
    """How long a shopper has to pass a challenge."""
    payments_per_order_max: PositiveInt = 50
    """Payments that may be tried for one order."""
    refunds_per_payment_max: PositiveInt = 200
    """Refunds of one payment."""
    idempotency_seconds: PositiveInt = 86_400
    """How long an answer is kept for repeats with the same `Idempotency-Key`."""
    idempotency_wait_seconds: Seconds = 10
    """How long a repeat waits for the first request before it is answered with 409."""
    idempotency_waiting_max: PositiveInt = 1_000
    """Repeats that wait at once."""

    # Webhooks
    webhook_timeout_seconds: Seconds = 5
    """What a merchant's server has to answer a delivery."""
    webhook_endpoint_concurrency: PositiveInt = 32
    """Deliveries to one endpoint under way at once."""
    webhook_posts_max: PositiveInt = 1_000
    """Deliveries under way at once, all endpoints together."""
    webhook_held_max: PositiveInt = 4_000
    """Deliveries in memory, under way or waiting; the others wait in Redis."""
    webhook_replay_max: PositiveInt = 1_000
    """Deliveries that one replay sends again."""
    webhook_endpoint_backlog_max: PositiveInt = 1_000
    """Deliveries that wait in memory for one endpoint."""
    webhook_allowed_networks: CommaSeparated = ()
    """Private networks, separated by commas, that deliveries may go to all the same."""
    webhook_secret_overlap_seconds: NonNegativeInt = 86_400
    """How long deliveries are signed with the old secret too after it was exchanged."""
    webhook_disable_after_seconds: Seconds = 5 * 86_400
    """After how long with nothing but failures an endpoint is disabled."""
    webhook_endpoints_max: PositiveInt = 30
    """Endpoints of one merchant and mode."""
    webhook_response_characters_max: PositiveInt = 2_048
    """What is kept of an endpoint's answer."""
    webhook_body_days: PositiveInt = 90
    """How long the bodies of events are kept."""
    event_days: PositiveInt = 400
    """How long events are kept."""

    # Simulated bank
    simulator_payment_seconds: SecondsRange = (5, 10)
    """From and to: how long payments take outside test mode."""
    simulator_refund_seconds: SecondsRange = (3, 5)
    """From and to: how long refunds take outside test mode."""
    simulator_upi_success_percent: Percent = 90
    """The share of UPI payments it approves outside test mode."""
    simulator_card_success_percent: Percent = 95
    """The share of card payments it approves outside test mode."""
    simulator_timeout_seconds: Seconds = 30
    """The longest a call to it takes."""
    simulator_delay: str | None = None
    """Payments and refunds by a distribution instead: `lognormal:120:380`, p50 and p99 in
    milliseconds."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is passed in comes first, then the environment; there are no other places."""
        del env_settings, dotenv_settings, file_secret_settings
        return init_settings, EnvironmentSource(settings_cls)

    @field_validator(
        "trusted_proxies",
        "webhook_allowed_networks",
        "simulator_payment_seconds",
        "simulator_refund_seconds",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("trusted_proxies", "webhook_allowed_networks")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for number, part in enumerate(value, start=1):
            try:
                ipaddress.ip_network(part)
            except ValueError:
                raise ValueError(f"number {number} is no address and no network") from None
        return value

    @field_validator("simulator_payment_seconds", "simulator_refund_seconds")
    @classmethod
    def _is_range(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError("the first number is to be the smaller one")
        return value

    @field_validator("encryption_key")
    @classmethod
    def _are_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            Vault([key.strip() for key in value.get_secret_value().split(",")])
        return value

    @field_validator("database_url", "redis_url", "smtp_url")
    @classmethod
    def _names_a_server(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        schemes = _SCHEMES[str(info.field_name)]
        if value is not None and not value.get_secret_value().startswith(schemes):
            raise ValueError(f"is to begin with {' or '.join(schemes)}")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError("is to begin with https:// or http:// and to name a host")
        return value.rstrip("/")

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _in_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("test_payment_success", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value


def load_settings(**fixed: Any) -> Settings:
    """The settings of the environment, with those in `fixed` as they are given.

    Raises InvalidSettings, which names every variable that is wrong and shows no value.
    """
    try:
        return Settings(**fixed)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidSettings(
            f"{_variable(str(each['loc'][0]))}: {each['msg'].removeprefix('Value error, ')}"
            for each in problems
        ) from None


def _variable(name: str) -> str:
    field = Settings.model_fields.get(name)
    return (source_of(name, field) if field else None) or variables_of(name)[0]
