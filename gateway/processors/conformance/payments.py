"""Charges and authorizations, what is asked about them, and that none happens twice."""

from __future__ import annotations

import json
from dataclasses import replace

from gateway.domain.money import exponent
from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    Declined,
    Outcome,
    RequiresAction,
    Transaction,
    Unknown,
)
from gateway.processors.conformance.bench import Bench, require

__all__ = ["PaymentChecks"]

_BY_DIGITS = {0: "JPY", 2: "USD", 3: "KWD"}
_ODD_AMOUNT = 1_234


class PaymentChecks(Bench):
    """`charge`, `authorize`, `lookup`, `resume`."""

    async def test_a_charge_is_approved(self) -> None:
        """With the processor's own name for it, by which all that follows is asked for."""
        self.skip_unless(self.processor.traits.single_step, "traits.single_step is False")
        payment = self.approved()
        approved = await self.approve(payment, "approved() is to be approved when charged")
        _require_reference(approved)
        await self.expect_booked(payment, [payment.amount], "a charge is booked once")

    async def test_an_authorization_is_approved(self) -> None:
        """The money is reserved; its reference is the `original` of what follows."""
        payment, approved = await self.authorized()
        _require_reference(approved)
        await self.expect_booked(payment, [payment.amount], "an authorization is booked once")

    async def test_a_decline_is_declined(self) -> None:
        """Nothing moves, and the shopper is told why."""
        payment = replace(self.declined(), kind=self.payment_kind())
        declined = self.expect(
            await self.send(payment), Declined, "declined() is to be declined, for good"
        )
        require(
            all(
                isinstance(text, str) and text.strip()
                for text in (declined.code, declined.description, declined.reason)
            ),
            f"code, description and reason are to be texts: {declined!r}",
        )
        await self.expect_booked(payment, [], "what was declined moves nothing")

    async def test_an_approval_is_found_by_our_reference(self) -> None:
        """The answer may be lost on its way: then our reference is all that the gateway has."""
        payment = replace(self.approved(), kind=self.payment_kind())
        approved = await self.approve(payment, "approved() is to be approved")
        found = await self.look_up(payment)
        require(
            not isinstance(found, AttemptNotFound),
            "lookup() says AttemptNotFound of what was approved: the gateway sends it again and "
            "the shopper pays twice; answer Unknown where a search may have missed it",
        )
        if not isinstance(found, Unknown):
            _require_same(approved, found, "lookup() by our reference")

    async def test_an_approval_is_found_by_its_name(self) -> None:
        """With `known_as`, what was approved is approved."""
        payment = replace(self.approved(), kind=self.payment_kind())
        approved = await self.approve(payment, "approved() is to be approved")
        found = await self.look_up(payment, approved.reference)
        _require_same(approved, found, "lookup() with known_as")

    async def test_a_decline_stays_one(self) -> None:
        """What was declined is never approved when it is asked about."""
        payment = replace(self.declined(), kind=self.payment_kind())
        self.expect(await self.send(payment), Declined, "declined() is to be declined")
        found = await self.look_up(payment)
        require(
            isinstance(found, Declined | Unknown),
            f"lookup() of what was declined is to say Declined, or Unknown where the processor "
            f"keeps no list of declines; it says {found!r}",
        )

    async def test_what_was_never_sent_is_not_approved(self) -> None:
        """It is not found, or unknown where a search proves nothing."""
        found = await self.look_up(replace(self.approved(), kind=self.payment_kind()))
        require(
            isinstance(found, AttemptNotFound | Unknown),
            f"lookup() of a reference never sent says {found!r}: expected AttemptNotFound, or "
            "Unknown where the processor cannot be sure",
        )

    async def test_what_was_never_sent_is_not_another_payment(self) -> None:
        """Another payment of the same shopper, amount and card is not mistaken for it."""
        payment = replace(self.approved(), kind=self.payment_kind())
        await self.approve(payment, "approved() is to be approved")
        other = replace(payment, reference=self.transaction().reference)
        found = await self.look_up(other)
        require(
            isinstance(found, AttemptNotFound | Unknown),
            f"lookup() of a reference never sent says {found!r}, after another payment of the same "
            "amount: it is to go by the reference alone",
        )

    async def test_the_same_reference_moves_money_once(self) -> None:
        """Sent again under the same reference, the first answer stands."""
        idempotent = self.processor.traits.idempotent_by_reference
        self.skip_unless(idempotent, "traits.idempotent_by_reference is False")
        payment = replace(self.approved(), kind=self.payment_kind())
        first = await self.approve(payment, "approved() is to be approved")
        _require_same(first, await self.send(payment), "the same reference sent again")
        await self.expect_booked(payment, [payment.amount], "one reference moves money once")

    async def test_two_references_are_two_payments(self) -> None:
        """The same card and amount again is another payment, not a repetition of the first."""
        kind = self.payment_kind()
        first, second = (replace(self.approved(), kind=kind) for _ in range(2))
        approved = [await self.approve(each, "approved() twice") for each in (first, second)]
        require(
            approved[0].reference != approved[1].reference,
            f"two payments have one reference, {approved[0].reference!r}: a refund would go to "
            "either",
        )

    async def test_a_challenge_is_passed(self) -> None:
        """`next_action` is a JSON object, and after the challenge the payment is approved."""
        payment = self._optional(self.challenged(), "challenged")
        action = self.expect(
            await self.send(payment), RequiresAction, "challenged() is to require an action"
        )
        require(
            isinstance(_parsed(action.next_action), dict),
            f"next_action is to be the text of a JSON object, not {action.next_action!r}",
        )
        found = await self.look_up(payment, action.reference)
        require(
            isinstance(found, RequiresAction | Unknown),
            f"lookup() while the challenge is open says {found!r}: it is not over yet",
        )
        await self.pass_challenge(payment, action)
        self.expect(
            await self.resumed(payment, action.reference),
            Approved,
            "resume() after the challenge was passed",
        )

    async def test_an_unknown_outcome_is_said_to_be_one(self) -> None:
        """It is not guessed, and asking about it does not say that it was never heard of."""
        payment = self._optional(self.unknown(), "unknown")
        outcome = self.expect(await self.send(payment), Unknown, "unknown() is to be unknown")
        found = await self.look_up(payment, outcome.reference)
        require(
            not isinstance(found, AttemptNotFound),
            "lookup() says AttemptNotFound of what may have happened: it would be sent again",
        )

    async def test_amounts_without_decimals(self) -> None:
        """1234 yen are 1234, not 12.34."""
        await self._check_currency(0)

    async def test_amounts_with_two_decimals(self) -> None:
        """1234 cents are 12.34."""
        await self._check_currency(2)

    async def test_amounts_with_three_decimals(self) -> None:
        """1234 fils are 1.234."""
        await self._check_currency(3)

    async def _check_currency(self, digits: int) -> None:
        currency = self._currency_of(digits)
        payment = replace(
            self.approved(), kind=self.payment_kind(), currency=currency, amount=_ODD_AMOUNT
        )
        approved = await self.approve(payment, f"{_ODD_AMOUNT} minor units of {currency}")
        _require_reference(approved)
        await self.expect_booked(
            payment,
            [_ODD_AMOUNT],
            f"{_ODD_AMOUNT} minor units of {currency}, which has {digits} decimals",
        )

    def _currency_of(self, digits: int) -> str:
        taken = self.processor.traits.currencies
        known = [self.currency, *sorted({_BY_DIGITS[digits]} if taken is None else taken)]
        fitting = [code for code in known if exponent(code) == digits]
        self.skip_unless(bool(fitting), f"traits.currencies has none with {digits} decimals")
        return fitting[0]

    def _optional(self, payment: Transaction | None, hook: str) -> Transaction:
        if payment is None:
            self._skip(f"{hook}() gives none")
        return replace(payment, kind=self.payment_kind())


def _require_reference(approved: Approved) -> None:
    require(
        isinstance(approved.reference, str) and bool(approved.reference),
        f"Approved.reference is to be the processor's name for it, not {approved.reference!r}",
    )


def _require_same(approved: Approved, found: Outcome, what: str) -> None:
    require(
        isinstance(found, Approved) and found.reference == approved.reference,
        f"{what} is to say what was said first, {approved!r}; it says {found!r}",
    )


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
