"""Captures, voids and refunds: of what is there, never of more, and none twice."""

from __future__ import annotations

from dataclasses import replace

from gateway.domain.outcomes import Approved, Declined, Transaction
from gateway.processors.conformance.bench import Bench, require

__all__ = ["FollowingChecks"]


class FollowingChecks(Bench):
    """`capture`, `void`, `refund`, and `lookup` of these."""

    async def test_all_is_captured(self) -> None:
        """The whole authorization, in one capture."""
        payment, approved = await self.authorized()
        capture = self.following(payment, approved, "capture")
        await self.approve(capture, "a capture of all that is authorized")

    async def test_a_part_is_captured(self) -> None:
        """Less than is authorized, where `traits.partial_capture` says so."""
        self.skip_unless(self.processor.traits.partial_capture, "traits.partial_capture is False")
        payment, approved = await self.authorized()
        part = self.following(payment, approved, "capture", amount=payment.amount // 4)
        await self.approve(part, "a capture of a part, which traits.partial_capture promises")
        await self.expect_booked(part, [part.amount], "a part is captured, no more")

    async def test_several_captures_add_up(self) -> None:
        """One after the other until nothing is left, where `traits.multiple_captures` says so."""
        traits = self.processor.traits
        several = traits.partial_capture and traits.multiple_captures
        self.skip_unless(several, "traits.multiple_captures or traits.partial_capture is False")
        payment, approved = await self.authorized()
        first = payment.amount // 4
        for amount in (first, payment.amount - first):
            part = self.following(payment, approved, "capture", amount=amount)
            await self.approve(part, "one of several captures, as traits.multiple_captures says")
        one_more = self.following(payment, approved, "capture", amount=first)
        await self._require_refused(one_more, "a capture when all is captured")

    async def test_no_more_is_captured_than_authorized(self) -> None:
        """It is declined, and nothing is captured."""
        payment, approved = await self.authorized()
        more = self.following(payment, approved, "capture", amount=payment.amount + 1)
        await self._require_refused(more, "a capture of more than is authorized")

    async def test_what_is_voided_is_not_captured(self) -> None:
        """A void gives the authorization back for good."""
        payment, approved = await self.authorized()
        await self.approve(self.following(payment, approved, "void"), "a void of an authorization")
        capture = self.following(payment, approved, "capture")
        await self._require_refused(capture, "a capture of what was voided")

    async def test_all_is_refunded(self) -> None:
        """The whole payment, and then nothing more."""
        payment, approved = await self.captured()
        refund = self.following(payment, approved, "refund")
        await self.approve(refund, "a refund of all that was captured")
        one_more = self.following(payment, approved, "refund")
        await self._require_refused(one_more, "a refund of what was refunded")

    async def test_refunds_of_parts_add_up(self) -> None:
        """One after the other; what would be more than was captured is declined."""
        payment, approved = await self.captured()
        first = payment.amount // 4
        parts = [
            self.following(payment, approved, "refund", amount=amount)
            for amount in (first, payment.amount - first)
        ]
        for part in parts:
            await self.approve(part, "a refund of a part of what was captured")
            await self.expect_booked(part, [part.amount], "a part is refunded, no more")
        one_more = self.following(payment, approved, "refund", amount=first)
        await self._require_refused(one_more, "a refund when all is refunded")

    async def test_no_more_is_refunded_than_captured(self) -> None:
        """It is declined, and nothing is paid back."""
        payment, approved = await self.captured()
        more = self.following(payment, approved, "refund", amount=payment.amount + 1)
        await self._require_refused(more, "a refund of more than was captured")

    async def test_an_unknown_original_is_refused(self) -> None:
        """Nothing follows a payment that was never made."""
        nothing = Approved(reference="never-heard-of")
        refund = self.following(self.approved(), nothing, "refund")
        outcome = await self.send(refund)
        require(
            not isinstance(outcome, Approved),
            f"a refund of a payment that was never made was approved: {outcome!r}",
        )

    async def test_the_same_capture_is_made_once(self) -> None:
        """Sent again under the same reference, the first answer stands."""
        self._skip_unless_idempotent()
        payment, approved = await self.authorized()
        part = payment.amount // 4 if self.processor.traits.partial_capture else payment.amount
        await self._require_once(self.following(payment, approved, "capture", amount=part))

    async def test_the_same_refund_is_made_once(self) -> None:
        """Sent again under the same reference, the first answer stands."""
        self._skip_unless_idempotent()
        payment, approved = await self.captured()
        part = payment.amount // 4
        await self._require_once(self.following(payment, approved, "refund", amount=part))

    async def test_a_capture_is_found(self) -> None:
        """And one that was never sent is not."""
        payment, approved = await self.authorized()
        await self._require_found(self.following(payment, approved, "capture"))

    async def test_a_void_is_found(self) -> None:
        """And one that was never sent is not."""
        payment, approved = await self.authorized()
        await self._require_found(self.following(payment, approved, "void"))

    async def test_a_refund_is_found(self) -> None:
        """And one that was never sent is not, also when another of the same payment was."""
        payment, approved = await self.captured()
        part = payment.amount // 4
        first = self.following(payment, approved, "refund", amount=part)
        await self._require_found(first)
        other = await self.look_up(self.following(payment, approved, "refund", amount=part))
        require(
            not isinstance(other, Approved),
            f"lookup() of a refund never sent says {other!r}, after another one of that payment: "
            "the second refund would be believed to have happened",
        )

    def _skip_unless_idempotent(self) -> None:
        idempotent = self.processor.traits.idempotent_by_reference
        self.skip_unless(idempotent, "traits.idempotent_by_reference is False")

    async def _require_once(self, follower: Transaction) -> None:
        first = await self.approve(follower, f"a {follower.kind} of a part")
        again = await self.send(follower)
        require(
            isinstance(again, Approved) and again.reference == first.reference,
            f"the same {follower.kind} sent again is to be answered with {first!r}, not {again!r}",
        )
        await self.expect_booked(follower, [follower.amount], f"one {follower.kind} is made once")

    async def _require_found(self, follower: Transaction) -> None:
        before = await self.look_up(follower)
        require(
            not isinstance(before, Approved),
            f"lookup() of a {follower.kind} never sent says {before!r}: the gateway would believe "
            "that it happened",
        )
        approved = await self.approve(follower, f"a {follower.kind}")
        found = await self.look_up(follower, approved.reference)
        require(
            isinstance(found, Approved),
            f"lookup() of an approved {follower.kind} is to say Approved, not {found!r}",
        )

    async def _require_refused(self, follower: Transaction, what: str) -> None:
        outcome = await self.send(follower)
        require(
            isinstance(outcome, Declined),
            f"{what} is to be Declined, not {outcome!r}: the gateway books what is approved and "
            "asks on about what is unknown",
        )
        await self.expect_booked(follower, [], f"{what} moves nothing")
        found = await self.look_up(replace(follower, known_as=None))
        require(
            not isinstance(found, Approved),
            f"lookup() of {what} says {found!r}, and it was declined",
        )
