"""What can be refused, and why. The web layer gives each class its code and status.

Rejected                     nothing was changed; the text is meant for the caller
├── InvalidRequest           a field is wrong (names it)
│   ├── InvalidVpa
│   ├── InvalidCard
│   └── ExpiredCard
├── InvalidState             the order or payment does not allow it now
├── OperationInProgress      another operation of the payment is not finished
├── NotFound                 does not exist, or belongs to somebody else
├── IdempotencyMismatch      the key was used for another request
├── IdempotencyInProgress    the first request with this key has not committed anything yet
└── Unavailable              ours to mend: try again after some seconds
StaleVersion                 somebody else changed the order first (never leaves the actors)
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ExpiredCard",
    "FieldError",
    "IdempotencyInProgress",
    "IdempotencyMismatch",
    "InvalidCard",
    "InvalidRequest",
    "InvalidState",
    "InvalidVpa",
    "NotFound",
    "OperationInProgress",
    "Rejected",
    "StaleVersion",
    "Unavailable",
]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field of a request: its path and what is wrong with it."""

    field: str
    description: str


class Rejected(Exception):
    """A refusal. Nothing was changed; `description` is meant for the caller.

    `field` names the field at fault, `reason` is a word for programs.
    """

    reason = "request_rejected"

    def __init__(
        self, description: str, *, field: str | None = None, reason: str | None = None
    ) -> None:
        super().__init__(description)
        self.description = description
        self.field = field
        if reason is not None:
            self.reason = reason


class InvalidRequest(Rejected):
    """One or more fields are wrong; all of them in `errors`, the first one as the text."""

    reason = "input_validation_failed"

    def __init__(
        self,
        description: str,
        *,
        field: str | None = None,
        reason: str | None = None,
        errors: tuple[FieldError, ...] = (),
    ) -> None:
        super().__init__(description, field=field, reason=reason)
        self.errors = errors


class InvalidVpa(InvalidRequest):
    """The UPI address does not have the form name@handle."""

    reason = "invalid_vpa"


class InvalidCard(InvalidRequest):
    """The card number, the CVV or the holder's name cannot be right."""

    reason = "invalid_card"


class ExpiredCard(InvalidRequest):
    """The card's expiry date is in the past or no date."""

    reason = "expired_card"


class InvalidState(Rejected):
    """The order, payment or refund does not allow this now."""

    reason = "invalid_state"


class OperationInProgress(Rejected):
    """Another charge, capture or void of the payment is not finished."""

    reason = "operation_in_progress"


class NotFound(Rejected):
    """It does not exist, or it belongs to another merchant or mode: callers cannot tell."""

    reason = "not_found"


class IdempotencyMismatch(Rejected):
    """The idempotency key was used before, for another request."""

    reason = "idempotency_key_reused"


class IdempotencyInProgress(Rejected):
    """The first request with this idempotency key has not committed anything yet."""

    reason = "idempotency_key_in_progress"


class Unavailable(Rejected):
    """A store is away or a queue is full; the caller may try again after `retry_after_seconds`."""

    reason = "unavailable"

    def __init__(self, description: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(description)
        self.retry_after_seconds = retry_after_seconds


class StaleVersion(Exception):
    """The order was changed elsewhere since it was read: rehydrate and decide again."""
