"""What a sandbox is started with. Every limit stands here."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The first account, how strictly requests are read, and the limits.

    The keys that stand here are public; they open nothing but a sandbox.
    """

    login_id: str = "sandboxlogin"
    transaction_key: str = field(default="sandboxkey123456", repr=False)
    signature_key: str = field(default="0123456789ABCDEF" * 8, repr=False)

    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0

    strict: bool = True
    """Refuse unknown members and those out of the schema's order with E00003."""
    currencies: tuple[str, ...] = ("USD", "CAD", "GBP", "EUR", "AUD", "NZD")
    """The first one is meant where a request names none; the real one takes one per account."""
    duplicate_window_seconds: int = 120
    unsettled_refund_code: str = "54"
    """What a refund of a transaction that awaits settlement is told: 54 or 50."""
    reject_avs: str = ""
    reject_cvv: str = ""
    """Result codes that the account's own rules decline with 27, 65 or both, 45."""
    cut_off_hour: int = 0
    """UTC; transactions settle when the clock is moved past it."""
    authorization_days: int = 30
    nonce_seconds: int = 900

    accounts_max: int = 20
    transactions_max: int = 100_000
    profiles_max: int = 10_000
    payment_profiles_max: int = 10
    nonces_max: int = 10_000
    webhooks_max: int = 100
    notifications_max: int = 10_000
    requests_max: int = 10_000
    faults_max: int = 100
    body_bytes_max: int = 256 * 1024
    fault_seconds_max: float = 600.0

    deliver_anywhere: bool = False
    """Send webhooks to other addresses than this machine's own."""
    deliveries_max: int = 1_000
    deliveries_at_once: int = 16
    delivery_attempts_max: int = 3
    delivery_timeout_seconds: float = 10.0
    delivery_retry_seconds: float = 1.0
    """Before the second attempt; doubled before each further one."""
