"""Listeners, requests, streams and logs."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import PositiveInt, field_validator

from gateway.settings.kinds import Networks, Port, Seconds, SecondsOrNone, SettingsSection

__all__ = ["SurfaceSettings"]


class SurfaceSettings(SettingsSection):
    """Listeners, requests, streams and logs."""

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
    trusted_proxies: Networks = ()
    """Addresses or networks, separated by commas, whose forwarded headers are believed."""
    body_bytes_max: PositiveInt = 256 * 1024
    """The longest request body."""
    form_fields_max: PositiveInt = 1_000
    """The fields of a body that is a form, as some client libraries send it to `/v1`."""
    header_bytes_max: PositiveInt = 16 * 1024
    """The longest request line, and the longest header."""
    keepalive_seconds: Seconds = 75
    """How long an idle connection is kept open."""
    key_cache_seconds: Seconds = 1
    """How long an API key is remembered, and so the latest that a revocation takes effect; while
    Redis is there, that is at once."""
    key_cache_max: PositiveInt = 10_000
    """API keys that are remembered."""
    wait_seconds_max: Seconds = 30
    """How long a request waits for an outcome before it is answered with 202."""
    unknown_wait_seconds: SecondsOrNone = 5
    """How long a request that an unknown outcome stands in the way of waits for the processor to
    clear it up, before it is refused."""
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
