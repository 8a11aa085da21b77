"""A `transactionRequest`, read: what is to be done, with which card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from gateway.sandbox.authorizenet.accounts import Call
from gateway.sandbox.authorizenet.cards import Card
from gateway.sandbox.authorizenet.refusals import Refused, Unsuccessful, incomplete
from gateway.sandbox.authorizenet.wire import Members, amount_of, child, many, text_of

__all__ = ["Submission", "paying_card", "read_submission", "with_card"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a merchant submits, as far as it matters here."""

    kind: str
    amount: Decimal | None
    currency: str
    payment: Members
    profile: Members
    auth_code: str
    ref_transaction_id: str
    invoice_number: str
    description: str
    customer: Members
    bill_to: Members
    customer_ip: str
    settings: Mapping[str, str]
    user_fields: tuple[Members, ...]
    card: Card | None = None
    card_code: str = ""

    def required_amount(self) -> Decimal:
        """The amount of a charge or refund. Raises Unsuccessful 5 when there is none to take."""
        if self.amount is None or self.amount <= 0 or self.amount.as_tuple().exponent != -2:
            raise Unsuccessful("5")
        return self.amount

    def required_card(self) -> Card:
        """The card that pays; only a charge has one."""
        if self.card is None:
            raise incomplete("transactionRequest", "payment")
        return self.card

    def is_set(self, setting: str) -> bool:
        """Whether one of the transaction's settings says true."""
        return self.settings.get(setting, "").lower() in ("true", "1")

    def seconds(self, setting: str, default: int, longest: int) -> int:
        """A setting that is a number of seconds. Raises Refused E00013."""
        text = self.settings.get(setting, str(default))
        if not text.isascii() or not text.isdigit() or int(text[:9]) > longest:
            raise Refused("E00013", f"{setting} is invalid.")
        return int(text)


def read_submission(members: Members) -> Submission:
    """Read a `transactionRequest`. Raises Refused E00003."""
    order, settings = child(members, "order"), child(members, "transactionSettings")
    amount = members.get("amount")
    return Submission(
        kind=text_of(members, "transactionType"),
        amount=None if amount is None else amount_of(amount),
        currency=text_of(members, "currencyCode"),
        payment=child(members, "payment"),
        profile=child(members, "profile"),
        auth_code=text_of(members, "authCode"),
        ref_transaction_id=text_of(members, "refTransId"),
        invoice_number=text_of(order, "invoiceNumber"),
        description=text_of(order, "description"),
        customer=child(members, "customer"),
        bill_to=child(members, "billTo"),
        customer_ip=text_of(members, "customerIP"),
        settings={
            text_of(each, "settingName"): text_of(each, "settingValue")
            for each in many(settings.get("setting"))
        },
        user_fields=tuple(many(child(members, "userFields").get("userField"))),
    )


def with_card(call: Call, submission: Submission) -> Submission:
    """The same with the card that its payment or its profile names.

    Raises Refused E00003, E00040, E00114; Unsuccessful 6, 7, 8, 17, 18.
    """
    if submission.profile.get("customerProfileId"):
        chosen = child(submission.profile, "paymentProfile")
        card, bill_to = call.account.profiles.paying(
            text_of(submission.profile, "customerProfileId"), text_of(chosen, "paymentProfileId")
        )
        return replace(
            submission,
            card=card,
            card_code=text_of(chosen, "cardCode"),
            bill_to=submission.bill_to or bill_to,
        )
    card, card_code = paying_card(call, submission.payment)
    return replace(submission, card=card, card_code=card_code)


def paying_card(call: Call, payment: Members) -> tuple[Card, str]:
    """The card of a `payment`, and its code. Raises as `with_card` does."""
    if "creditCard" in payment:
        credit_card = child(payment, "creditCard")
        return call.accounts.cards.read(credit_card, call.now), text_of(credit_card, "cardCode")
    if "opaqueData" in payment:
        opaque = child(payment, "opaqueData")
        descriptor, value = text_of(opaque, "dataDescriptor"), text_of(opaque, "dataValue")
        return call.account.nonces.redeem(descriptor, value, call.now)
    if "bankAccount" in payment:
        raise Unsuccessful("18")
    if payment:
        raise Unsuccessful("17")
    raise incomplete("transactionRequest", "payment")
