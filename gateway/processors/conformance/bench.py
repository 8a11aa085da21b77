"""What an author says of a processor under test, and what all checks share."""

from __future__ import annotations

import asyncio
import unittest
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NoReturn, TypeVar

from gateway.domain.clock import Clock
from gateway.domain.ids import new_id
from gateway.domain.outcomes import (
    Account,
    Approved,
    AttemptNotFound,
    Declined,
    FailedSurely,
    Outcome,
    RequiresAction,
    Transaction,
    Unknown,
)
from gateway.processors.protocol import Processor, ProcessorContext

__all__ = ["Bench", "SignedMessage", "require"]

_Expected = TypeVar("_Expected")
_ROUNDS_MAX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedMessage:
    """A message as the processor sends it; `signature_header` is one of `headers`, lower case."""

    headers: Mapping[str, str]
    body: bytes
    signature_header: str


def require(condition: bool, message: str) -> None:
    """Raises AssertionError with the message unless the condition holds."""
    if not condition:
        raise AssertionError(message)


class Bench(unittest.IsolatedAsyncioTestCase):
    """A started processor for each check. The first three methods are to be written by the author.

    The instrument alone, no amount, is to decide how the sandbox answers. `currency` is what
    `transaction` asks for. `lease_seconds` stands for the lease: how long after a call that was cut
    off the processor's own side may still be busy with it. `calls_max`: calls made at once.
    """

    __test__ = False
    currency: ClassVar[str] = "USD"
    lease_seconds: ClassVar[float] = 0.2
    calls_max: ClassVar[int] = 100

    processor: Processor

    async def start_processor(self) -> Processor:
        """A new processor, started; the suite closes it. Called for each check."""
        raise NotImplementedError("start_processor() is to give a started processor")

    def approved(self) -> Transaction:
        """A charge that is approved at once, from `transaction`; by card where cards are taken."""
        raise NotImplementedError("approved() is to give a transaction")

    def declined(self) -> Transaction:
        """A charge that is declined."""
        raise NotImplementedError("declined() is to give a transaction")

    def challenged(self) -> Transaction | None:
        """A charge that asks the shopper for something first; None where nothing does."""

    async def pass_challenge(self, transaction: Transaction, action: RequiresAction) -> None:
        """Do what the shopper does to pass the challenge; needed with `challenged`."""
        raise NotImplementedError("challenged() needs pass_challenge()")

    def unknown(self) -> Transaction | None:
        """A charge whose answer is `Unknown`; None where there is no way to have that."""

    async def settle(self) -> None:
        """Make what was captured refundable, where that takes more than the capture."""

    async def booked(
        self,
        transaction: Transaction,  # noqa: ARG002 - for those that can
    ) -> Sequence[int] | None:
        """The amounts, in minor units, that the sandbox itself has moved or reserved for it.

        One for each time; `transaction.reference` is what the sandbox was sent. None: it cannot be
        asked, and the checks have to believe what the processor says.
        """
        return None

    def stalled(self) -> AbstractAsyncContextManager[None] | None:
        """While entered, the sandbox answers nothing; None where there is no way to have that.

        The processor's timeout should be a second or two then.
        """

    def account(self) -> Account | None:
        """A merchant's own account, for all transactions; None: that of the settings."""
        return None

    async def with_nonce(self) -> Transaction:
        """A charge of a new nonce that is approved; needed with `traits.accepts_nonces`."""
        raise NotImplementedError("traits.accepts_nonces needs with_nonce()")

    async def notify(self, transaction: Transaction, approved: Approved) -> SignedMessage:
        """What the processor sends by itself about the payment, rightly signed.

        Needed where `parse_notification` is there.
        """
        raise NotImplementedError("parse_notification() needs notify()")

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Test runners collect authors' classes, and not ours, wherever they are imported."""
        super().__init_subclass__(**keywords)
        is_ours = f"{cls.__module__}.".startswith(f"{__package__}.")
        if "__test__" not in cls.__dict__:
            cls.__test__ = not is_ours

    async def asyncSetUp(self) -> None:
        """Start the processor; a subclass with a sandbox of its own starts that first."""
        # unittest's debugging of the loop makes many calls at once slower than they are.
        asyncio.get_running_loop().set_debug(False)
        self.processor = await self.start_processor()
        self.addAsyncCleanup(self.processor.close)

    @staticmethod
    def context(**settings: Any) -> ProcessorContext:
        """What a processor is started with, with these settings."""
        return ProcessorContext(clock=Clock(), settings=settings)

    def transaction(self, **changes: Any) -> Transaction:
        """A charge of 1000 minor units under a reference of its own, by card unless changed."""
        card = changes.get("card")
        values: dict[str, Any] = {
            "reference": new_id("att"),
            "kind": "charge",
            "payment_id": new_id("pay"),
            "order_id": new_id("order"),
            "refund_id": None,
            "amount": 1_000,
            "currency": self.currency,
            "method": "card",
            "last_four": None if card is None else card.number[-4:],
            "email": "shopper@example.com",
            "sent_at": Clock().now(),
            "account": self.account(),
            "correlation_id": "conformance",
        }
        return Transaction(**(values | changes))

    def following(
        self, payment: Transaction, approved: Approved, kind: str, **changes: Any
    ) -> Transaction:
        """What is asked about an approved payment, in the form in which the gateway asks."""
        changed = replace(
            payment,
            reference=new_id("att"),
            kind=kind,
            card=None,
            nonce=None,
            original=approved.reference,
            refund_id=new_id("rfnd") if kind == "refund" else None,
            sent_at=Clock().now(),
        )
        return replace(changed, **changes)

    async def send(self, transaction: Transaction) -> Outcome:
        """Have it done; an answer that has no place here is an error."""
        method = getattr(self.processor, transaction.kind)
        answers = (Approved, Declined, RequiresAction, FailedSurely, Unknown)
        return await self._asked(transaction.kind, method, transaction, answers)

    async def look_up(self, transaction: Transaction, known_as: str | None = None) -> Outcome:
        """Ask as the gateway asks: without card or nonce, which it has forgotten by then."""
        asked = replace(transaction, card=None, nonce=None, known_as=known_as)
        answers = (Approved, Declined, RequiresAction, AttemptNotFound, Unknown)
        return await self._asked("lookup", self.processor.lookup, asked, answers)

    async def resumed(self, transaction: Transaction, known_as: str) -> Outcome:
        """Go on after the challenge."""
        asked = replace(transaction, card=None, nonce=None, known_as=known_as)
        answers = (Approved, Declined, RequiresAction, AttemptNotFound, Unknown)
        return await self._asked("resume", self.processor.resume, asked, answers)

    async def clarified(self, transaction: Transaction, outcome: Outcome) -> Outcome:
        """What the gateway comes to: it asks about what is unknown, sends what was not found."""
        for _ in range(_ROUNDS_MAX):
            if isinstance(outcome, Unknown):
                outcome = await self.look_up(transaction, outcome.reference)
            elif isinstance(outcome, AttemptNotFound | FailedSurely):
                outcome = await self.send(transaction)
            else:
                break
        return outcome

    async def approve(self, transaction: Transaction, why: str) -> Approved:
        """Have it done, which must succeed."""
        return self.expect(await self.send(transaction), Approved, why)

    async def captured(self, **changes: Any) -> tuple[Transaction, Approved]:
        """A payment whose money is captured, in one step where the processor can."""
        payment = replace(self.approved(), **changes)
        if self.processor.traits.single_step:
            approved = await self.approve(payment, "approved() is to be approved when charged")
        else:
            payment, approved = await self.authorized(**changes)
            capture = self.following(payment, approved, "capture")
            await self.approve(capture, "a capture of all that is authorized is to be approved")
        await self.settle()
        return payment, approved

    async def authorized(self, **changes: Any) -> tuple[Transaction, Approved]:
        """A payment that is authorized and not captured."""
        payment = replace(self.approved(), kind="authorize", **changes)
        return payment, await self.approve(payment, "approved() is to be approved as authorization")

    def payment_kind(self) -> str:
        """How the gateway asks for a payment."""
        return "charge" if self.processor.traits.single_step else "authorize"

    def expect(self, outcome: object, kind: type[_Expected], why: str) -> _Expected:
        """The outcome, which must be of that kind."""
        if not isinstance(outcome, kind):
            why_not = f"{why}: expected {kind.__name__}, got {outcome!r}"
            raise AssertionError(why_not)  # noqa: TRY004 - the check has failed
        return outcome

    async def expect_booked(self, transaction: Transaction, amounts: list[int], why: str) -> None:
        """The sandbox's own books, where they can be read, must say so."""
        booked = await self.booked(transaction)
        if booked is not None:
            require(list(booked) == amounts, f"{why}: the sandbox booked {list(booked)}")

    def skip_unless(self, condition: bool, reason: str) -> None:
        """Skip what the processor does not claim; the reason names the trait or the method."""
        if not condition:
            self._skip(reason)

    def _skip(self, reason: str) -> NoReturn:
        raise unittest.SkipTest(reason)

    async def _asked(
        self,
        name: str,
        method: Callable[[Transaction], Awaitable[Outcome]],
        transaction: Transaction,
        answers: tuple[type[Outcome], ...],
    ) -> Outcome:
        try:
            async with asyncio.timeout(self.processor.traits.timeout_seconds):
                outcome = await method(transaction)
        except TimeoutError:
            return Unknown(reason="timeout", answered=False)
        except Exception as error:
            raise AssertionError(
                f"{name}() raised {type(error).__name__}: the gateway takes that for Unknown and "
                "asks again; answer with an outcome where the processor has answered"
            ) from error
        allowed = ", ".join(each.__name__ for each in answers)
        require(
            isinstance(outcome, answers),
            f"{name}() answered {outcome!r}; the gateway believes only {allowed}",
        )
        return outcome
