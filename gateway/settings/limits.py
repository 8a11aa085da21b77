"""How often somebody may ask, and when declined cards make the gateway suspicious."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, NonNegativeInt, PositiveInt

from gateway.domain.rates import rate_of
from gateway.settings.kinds import Seconds, SettingsSection

__all__ = ["LimitSettings"]


def _is_rate(value: str) -> str:
    text = value.strip().lower()
    rate_of(text)
    return text


_Rate = Annotated[str, AfterValidator(_is_rate)]


class LimitSettings(SettingsSection):
    """Requests/seconds, counted for each API key and each client address, or `off`. With
    `TEST_MODE` limits and guards hold only where they are set."""

    rate_limit_read_key: _Rate = "1000/10"
    """Requests of one API key that read."""
    rate_limit_read_address: _Rate = "2000/10"
    """Requests with API keys that read, from one address."""
    rate_limit_write_key: _Rate = "1000/10"
    """Requests of one API key that change something."""
    rate_limit_write_address: _Rate = "2000/10"
    """Requests with API keys that change something, from one address."""
    rate_limit_payment_key: _Rate = "500/10"
    """Payments that are tried with one API key."""
    rate_limit_payment_address: _Rate = "1000/10"
    """Payments that are tried with API keys from one address."""
    rate_limit_attempt_address: _Rate = "20/60"
    """Payments that shoppers try from one address."""
    rate_limit_public_address: _Rate = "600/60"
    """Pages, questions and live streams of shoppers and visitors from one address."""
    rate_limit_inbound_address: _Rate = "1000/10"
    """Notifications of processors from one address."""
    rate_limit_sign_in_address: _Rate = "60/60"
    """Forms of the sign-in page from one address."""
    rate_limit_timeout_seconds: Seconds = 0.25
    """How long a request waits for its counters; then it is let through."""
    rate_limit_pause_seconds: Seconds = 1
    """How long requests are let through uncounted once Redis has not answered."""
    card_guard_card_declines: NonNegativeInt = 5
    """Declines of one card at one merchant, after which it is refused; 0 is no limit."""
    card_guard_order_declines: NonNegativeInt = 10
    """Declined cards for one order, after which it takes no more cards; 0 is no limit."""
    card_guard_address_declines: NonNegativeInt = 15
    """Declined cards of shoppers at one address, after which it may try no more; 0 is no limit."""
    card_guard_block_seconds: PositiveInt = 3_600
    """How long declines are remembered, and what they block is blocked, from the last one on."""
