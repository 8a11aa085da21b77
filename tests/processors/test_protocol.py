"""How processors are called: bounded in time, and silent about cards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.domain.outcomes import (
    Account,
    Approved,
    AttemptNotFound,
    CardDataLost,
    Declined,
    FailedSurely,
    Outcome,
    ProcessorTraits,
    Transaction,
    Unknown,
)
from gateway.processors.protocol import (
    Finding,
    Notification,
    NotSupported,
    Processor,
    call,
    clarify,
    forget,
    look_up,
    resume,
)
from tests.processors.transactions import card, transaction

NUMBER = "4242424242424242"


class Scripted(Processor):
    """Does what the test says, and remembers which method was called."""

    traits = ProcessorTraits(name="scripted", timeout_seconds=0.05)

    def __init__(self, script: Callable[[Transaction], Awaitable[Any]]) -> None:
        self.script = script
        self.called: list[str] = []

    async def _do(self, name: str, transaction: Transaction) -> Outcome:
        self.called.append(name)
        return await self.script(transaction)

    async def charge(self, transaction: Transaction) -> Outcome:
        return await self._do("charge", transaction)

    async def authorize(self, transaction: Transaction) -> Outcome:
        return await self._do("authorize", transaction)

    async def capture(self, transaction: Transaction) -> Outcome:
        return await self._do("capture", transaction)

    async def void(self, transaction: Transaction) -> Outcome:
        return await self._do("void", transaction)

    async def refund(self, transaction: Transaction) -> Outcome:
        return await self._do("refund", transaction)

    async def lookup(self, transaction: Transaction) -> Outcome:
        return await self._do("lookup", transaction)


def answering(answer: Any) -> Scripted:
    async def script(_transaction: Transaction) -> Any:
        return answer

    return Scripted(script)


@pytest.mark.parametrize("kind", ["charge", "authorize", "capture", "void", "refund"])
async def test_a_call_goes_by_its_kind(kind: str) -> None:
    """Each kind of transaction reaches its own method."""
    processor = answering(Approved(reference="1"))

    assert Approved(reference="1") == await call(processor, transaction(kind))
    assert [kind] == processor.called


@pytest.mark.parametrize("kind", ["release", "lookup", "close", ""])
async def test_other_kinds_are_refused(kind: str) -> None:
    """What no processor does is a fault of the caller, and nothing is called."""
    processor = answering(Declined())

    with pytest.raises(ValueError, match="nothing a processor does"):
        await call(processor, transaction(kind))

    assert [] == processor.called


@pytest.mark.parametrize("ask", [call, look_up, resume])
async def test_no_answer_in_time_is_unknown(ask: Callable[..., Awaitable[Outcome]]) -> None:
    """A processor that never answers is left after its own timeout; nothing is said to fail."""

    async def never(_transaction: Transaction) -> Outcome:
        return await asyncio.Future()

    assert Unknown(reason="timeout") == await ask(Scripted(never), transaction())


@pytest.mark.parametrize("ask", [call, look_up, resume])
async def test_an_exception_tells_its_name_alone(
    ask: Callable[..., Awaitable[Outcome]],
) -> None:
    """Whatever a processor raises is unknown; its message, which may hold a card, is dropped."""

    async def broken(asked: Transaction) -> Outcome:
        raise KeyError(f"cannot send {asked.card.number if asked.card else ''}")

    outcome = await ask(Scripted(broken), transaction(card=card(NUMBER)))

    assert Unknown(reason="KeyError") == outcome
    assert NUMBER not in repr(outcome)


async def test_a_timeout_inside_the_processor_is_a_timeout() -> None:
    """A processor's own deadline reads as the gateway's."""

    async def late(_transaction: Transaction) -> Outcome:
        raise TimeoutError("after 3 s")

    assert Unknown(reason="timeout") == await call(Scripted(late), transaction())


async def test_cancellation_passes() -> None:
    """A call that is cancelled from outside ends as cancelled, not as an outcome."""
    reached = asyncio.Event()

    async def never(_transaction: Transaction) -> Outcome:
        reached.set()
        return await asyncio.Future()

    task = asyncio.ensure_future(call(Scripted(never), transaction()))
    await reached.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("ask", "answer", "name"),
    [
        (call, None, "NoneType"),
        (call, "approved", "str"),
        (call, AttemptNotFound(), "AttemptNotFound"),
        (call, CardDataLost(), "CardDataLost"),
        (look_up, FailedSurely(reason="offline"), "FailedSurely"),
        (resume, FailedSurely(reason="offline"), "FailedSurely"),
    ],
)
async def test_an_answer_out_of_place_proves_nothing(
    ask: Callable[..., Awaitable[Outcome]], answer: Any, name: str
) -> None:
    """A question that failed must not look as if the attempt did: it would be sent again."""

    expected = Unknown(reason=f"invalid_outcome_{name}")

    assert expected == await ask(answering(answer), transaction())


async def test_resuming_is_asking_unless_said_otherwise() -> None:
    """A processor without a step of its own after a challenge is looked up."""
    processor = answering(AttemptNotFound())

    assert AttemptNotFound() == await resume(processor, transaction())
    assert ["lookup"] == processor.called


async def test_what_a_processor_lacks_it_says() -> None:
    """Storing cards and sending notifications are services that not every processor has."""
    processor = answering(Declined())

    with pytest.raises(NotSupported, match="keeps no cards"):
        await processor.forget("a card", None)
    with pytest.raises(NotSupported, match="sends nothing"):
        processor.parse_notification({}, b"", None)
    with pytest.raises(NotSupported, match="cannot be asked about a payment"):
        await clarify(processor, Notification(id="1", kind="a payment"), None)


async def test_asking_about_a_notification_is_bounded() -> None:
    """A processor that does not answer holds nobody up; the notification is asked about again."""

    class Silent(Scripted):
        async def clarify(
            self, _notification: Notification, _account: Account | None
        ) -> Finding | None:
            return await asyncio.Future()

    async def unused(_transaction: Transaction) -> Outcome:
        raise AssertionError("nothing is charged")

    processor = Silent(unused)

    with pytest.raises(TimeoutError):
        await clarify(processor, Notification(id="1", kind="a payment", reference="60"), None)


async def test_forgetting_is_bounded_and_says_what_went_wrong() -> None:
    """A processor that does not answer, or fails, has not forgotten; its message is dropped."""

    forgotten: list[tuple[str, Account | None]] = []

    class Forgetful(Scripted):
        async def forget(self, stored: str, account: Account | None) -> None:
            forgotten.append((stored, account))
            await self.script(transaction())

    async def done(_transaction: Transaction) -> None:
        return None

    async def never(_transaction: Transaction) -> Outcome:
        return await asyncio.Future()

    async def broken(_transaction: Transaction) -> Outcome:
        raise KeyError(NUMBER)

    processor = Forgetful(done)
    assert await forget(processor, "a card", {"login": "shop"}) is None
    assert [("a card", {"login": "shop"})] == forgotten
    assert "TimeoutError" == await forget(Forgetful(never), "a card", None)
    assert "KeyError" == await forget(Forgetful(broken), "a card", None)
    assert "NotSupported" == await forget(Scripted(done), "a card", None)


def test_a_card_does_not_show() -> None:
    """Neither the card nor the transaction that carries it shows number, expiry, CVV or holder.

    Nor does what the processor calls a card that it keeps.
    """
    shown = repr(card(NUMBER)) + repr(transaction(card=card(NUMBER), stored="kept-4242"))
    shown += repr(Approved(reference="1", stored="kept-4242"))

    for secret in (NUMBER, "4242", "737", "2030"):
        assert secret not in shown
