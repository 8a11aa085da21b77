"""What the settings say about decisions and circuit breakers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from gateway.actors.breakers import Breakers
from gateway.domain.breaker import BreakerLimits
from gateway.domain.decisions import Policy
from gateway.domain.fees import FeePlan
from gateway.domain.money import amount_limits
from gateway.domain.outcomes import ProcessorTraits
from gateway.settings import Settings

__all__ = ["make_breakers", "make_policy"]


def make_policy(
    settings: Settings,
    *,
    processors: Mapping[str, ProcessorTraits],
    fee_plan: Callable[[UUID, str], FeePlan],
    account: Callable[[UUID, str, str], UUID | None],
) -> Policy:
    """The periods and limits that decisions go by."""
    return Policy(
        processors=processors,
        fee_plan=fee_plan,
        account=account,
        lease_margin_seconds=settings.lease_margin_seconds,
        recovery_seconds=settings.recovery_seconds,
        capture_window_seconds=settings.capture_window_seconds,
        action_seconds=settings.action_seconds,
        dispute_seconds=settings.dispute_seconds,
        amount_limits=amount_limits(settings.amount_limits),
        payments_per_order_max=settings.payments_per_order_max,
        refunds_per_payment_max=settings.refunds_per_payment_max,
        sure_failure_delays_seconds=settings.retry_delays_seconds,
        jitter_percent=settings.retry_jitter_percent,
        payment_patience_seconds=settings.breaker_payment_patience_seconds,
        follow_up_patience_seconds=settings.breaker_follow_up_patience_seconds,
    )


def make_breakers(settings: Settings) -> Breakers:
    """All closed."""
    return Breakers(
        BreakerLimits(
            window_seconds=settings.breaker_window_seconds,
            calls_min=settings.breaker_calls_min,
            error_percent=settings.breaker_error_percent,
            open_seconds=settings.breaker_open_seconds,
        ),
        breakers_max=settings.breakers_max,
    )
