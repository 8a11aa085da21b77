"""The simulated bank's rules about what follows a payment: pure, decided from its books alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

APPROVED = "approved"
DECLINED = "declined"
REQUIRES_ACTION = "requires_action"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the books. `reason` says why it was declined."""

    reference: str
    kind: str
    outcome: str
    reason: str | None = None
    payment_id: str
    refund_id: str | None = None
    original: str | None = None
    amount: int
    currency: str
    created_at: datetime

    def asks_the_same(self, other: Entry) -> bool:
        """Whether both stand for one request, whatever was answered and when."""
        return _request(self) == _request(other)


def _request(entry: Entry) -> tuple[object, ...]:
    return (
        entry.kind,
        entry.payment_id,
        entry.refund_id,
        entry.original,
        entry.amount,
        entry.currency,
    )


@dataclass(slots=True)
class Account:
    """A charge or authorization with what was taken from it and given back, in minor units."""

    payment: Entry
    captured: int = 0
    voided: int = 0
    refunded: int = 0
    followers: dict[str, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.payment.kind == "charge":
            self.captured = self.payment.amount

    def add(self, entry: Entry) -> None:
        """Count what follows the payment; what was declined counts nothing."""
        self.followers[entry.reference] = entry
        if entry.outcome != APPROVED:
            return
        match entry.kind:
            case "capture":
                self.captured += entry.amount
            case "void":
                self.voided += entry.amount
            case "refund":
                self.refunded += entry.amount

    def refusal(self, entry: Entry) -> str | None:
        """Why the bank will not do it; None when it will."""
        if self.payment.outcome != APPROVED:
            return "original_not_approved"
        if entry.currency != self.payment.currency:
            return "currency_mismatch"
        if entry.kind == "refund":
            left, reason = self.captured - self.refunded, "exceeds_captured"
        else:
            # Of a charge nothing is left to capture or void.
            left = self.payment.amount - self.captured - self.voided
            reason = "exceeds_authorized"
        return None if entry.amount <= left else reason


def judge(entry: Entry, account: Account | None) -> Entry:
    """The entry with the bank's answer, counted in `account`.

    The answer to a reference that is in the books already is the one given then.
    """
    if account is None:
        return replace(entry, outcome=DECLINED, reason="original_not_found")
    known = account.followers.get(entry.reference)
    if known is not None:
        return known
    reason = account.refusal(entry)
    judged = replace(entry, outcome=DECLINED if reason else APPROVED, reason=reason)
    if entry.kind == "capture" and judged.outcome == APPROVED:
        # What was said of the card when it was charged holds for what is taken from it.
        judged = replace(judged, reason=account.payment.reason)
    account.add(judged)
    return judged
