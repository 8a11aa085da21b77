"""What the simulated bank answers: the fixed instruments, and its reasons in our words.

| instrument | outcome | `error_code` | reason |
|---|---|---|---|
| 4242 4242 4242 4242 | approved | | |
| 4000 0000 0000 0002 | declined | PAYMENT_FAILED | card_declined |
| 4000 0000 0000 9995 | declined | PAYMENT_FAILED | insufficient_funds |
| 4000 0000 0000 0069 | declined | EXPIRED_CARD | expired_card |
| 4000 0000 0000 0119 | declined | GATEWAY_ERROR | processing_error |
| 4000 0000 0000 3220 | challenge | PAYMENT_FAILED | authentication_failed, when not passed |
| 4000 0000 0000 0259 | approved, and disputed once it is captured | | fraudulent |
| success@bank | approved | | |
| failure@bank | declined | PAYMENT_FAILED | payment_declined |
| timeout@bank | approved, but the answer is lost | | |

A card that the bank keeps goes on like this, and declines once it has expired (expired_card).
A card payment without card data, or with a stored card that the bank does not know: INVALID_CARD,
card_missing. Where the test setting says `false`,
or chance decides: PAYMENT_FAILED, payment_failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from gateway.domain import canonical_json
from gateway.domain.outcomes import Approved, Declined, Outcome, RequiresAction, Transaction
from gateway.processors._books import APPROVED, DECLINED, REQUIRES_ACTION, Entry


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the bank decides about a payment; `answer_lost`: it does so, and nobody hears of it."""

    outcome: str
    reason: str | None = None
    answer_lost: bool = False


DISPUTED = "fraudulent"
"""Why the shopper with the card …0259 will want the money back."""
ACCEPT = Verdict(APPROVED)
REFUSE = Verdict(DECLINED, "payment_failed")

_CARDS = {
    "4242424242424242": ACCEPT,
    "4000000000000002": Verdict(DECLINED, "card_declined"),
    "4000000000009995": Verdict(DECLINED, "insufficient_funds"),
    "4000000000000069": Verdict(DECLINED, "expired_card"),
    "4000000000000119": Verdict(DECLINED, "processing_error"),
    "4000000000003220": Verdict(REQUIRES_ACTION),
    "4000000000000259": Verdict(APPROVED, DISPUTED),
}
_VPAS = {
    "success@bank": ACCEPT,
    "failure@bank": Verdict(DECLINED, "payment_declined"),
    "timeout@bank": Verdict(APPROVED, answer_lost=True),
}
_NOTHING_CHARGED = "Nothing was charged"
_DECLINED = {
    "payment_failed": Declined(),
    "card_declined": Declined(
        description=f"Your bank declined the card. {_NOTHING_CHARGED}, please use another one",
        reason="card_declined",
    ),
    "insufficient_funds": Declined(
        description=f"There is not enough money in the account. {_NOTHING_CHARGED}",
        reason="insufficient_funds",
    ),
    "expired_card": Declined(
        code="EXPIRED_CARD",
        description=f"The card has expired. {_NOTHING_CHARGED}, please use another one",
        reason="expired_card",
    ),
    "card_missing": Declined(
        code="INVALID_CARD",
        description=f"The bank was sent no card. {_NOTHING_CHARGED}",
        reason="card_missing",
    ),
    "processing_error": Declined(
        code="GATEWAY_ERROR",
        description=f"The bank could not process the payment. {_NOTHING_CHARGED}, try again later",
        reason="processing_error",
    ),
    "payment_declined": Declined(
        description=f"Your bank declined the payment. {_NOTHING_CHARGED}",
        reason="payment_declined",
    ),
    "authentication_failed": Declined(
        description=f"Your bank could not confirm that it is you. {_NOTHING_CHARGED}",
        reason="authentication_failed",
    ),
    "original_not_found": Declined(
        description="The bank does not know the original payment", reason="original_not_found"
    ),
    "original_not_approved": Declined(
        description="The bank did not approve the original payment",
        reason="original_not_approved",
    ),
    "currency_mismatch": Declined(
        description="The original payment is in another currency", reason="currency_mismatch"
    ),
    "exceeds_authorized": Declined(
        description="The amount exceeds what is left of the authorization",
        reason="exceeds_authorized",
    ),
    "exceeds_captured": Declined(
        description="The amount exceeds what is left of the captured payment",
        reason="exceeds_captured",
    ),
}


def fixed_verdict(transaction: Transaction) -> Verdict | None:
    """What the instrument itself decides; None for one like any other."""
    if transaction.card is not None:
        return _CARDS.get(transaction.card.number)
    if transaction.method == "card":
        return Verdict(DECLINED, "card_missing")
    return _VPAS.get((transaction.vpa or "").lower())


def outcome_of(entry: Entry) -> Outcome:
    """What the books say, as a processor says it. Our reference is the bank's name for it too."""
    if entry.outcome == APPROVED:
        disputed = entry.kind in ("charge", "capture") and entry.reason == DISPUTED
        return Approved(reference=entry.reference, dispute=DISPUTED if disputed else None)
    if entry.outcome == REQUIRES_ACTION:
        action = {"type": "redirect", "url": f"/bank/challenge?reference={quote(entry.reference)}"}
        return RequiresAction(
            reference=entry.reference, next_action=canonical_json.dumps(action).decode()
        )
    return _DECLINED.get(entry.reason or "", Declined())
