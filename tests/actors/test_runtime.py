"""One actor: its mailbox, its answers, its failures and its end."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextvars import ContextVar
from dataclasses import dataclass

import pykka
import pytest
import structlog

from gateway.actors.cell import Cell
from gateway.actors.errors import (
    ActorStopped,
    CircularAsk,
    DeadlineExceeded,
    HandlerCancelled,
    MailboxFull,
    Overloaded,
    TasksFull,
    WrongThread,
)
from gateway.actors.runtime import Actor, Ref, handles
from gateway.domain.errors import Rejected
from tests.actors.actor_samples import (
    Break,
    Broken,
    Call,
    Held,
    Note,
    Notebook,
    Read,
    Refuse,
    until,
)

waker: ContextVar[str] = ContextVar("waker", default="nobody")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """Nobody handles it."""


class Lonely:
    """An owner that lets what ends be, and remembers it."""

    name = "test"
    has_successors = False

    def __init__(self) -> None:
        self.endings: list[Exception | None] = []

    def ref_of(self, cell: Cell) -> Ref:
        return Ref(cell)

    def ended(self, cell: Cell, failure: Exception | None) -> None:
        self.endings.append(failure)
        cell.dispose(ActorStopped("ended"))


def cell_of(owner: Lonely, notes: list[str], **limits: int) -> Cell:
    cell = Cell("notebook", owner, lambda: Notebook(notes), **limits)
    cell.open()
    cell.wake()
    return cell


async def ask(ref: Ref, message: object) -> object:
    return await ref.ask(message, deadline_seconds=5)


async def test_an_ask_is_answered_by_its_handler() -> None:
    """Messages are handled in order, and an ask gets what its handler returns."""
    ref = Notebook.start()
    ref.tell(Note(text="a"))
    ref.tell(Note(text="b"))

    assert ["a", "b"] == await ask(ref, Read())


async def test_a_failure_ends_the_actor() -> None:
    """Any exception but Rejected goes to the asker, and the next message is refused."""
    ref = Notebook.start()
    with pytest.raises(Broken):
        await ask(ref, Break())
    await ref.stop()

    assert not ref.alive
    with pytest.raises(ActorStopped):
        ref.tell(Note(text="late"))


async def test_a_refusal_leaves_the_actor_alive() -> None:
    """Rejected goes to the asker and nothing else happens."""
    ref = Notebook.start(["kept"])
    with pytest.raises(Rejected):
        await ask(ref, Refuse())

    assert ["kept"] == await ask(ref, Read())


async def test_a_refused_told_message_leaves_the_actor_alive() -> None:
    """A refusal that nobody waits for is logged, no failure."""
    ref = Notebook.start()
    with structlog.testing.capture_logs() as logs:
        ref.tell(Refuse())
        await ask(ref, Read())

    assert ["actor_rejected_told_message"] == [entry["event"] for entry in logs]


async def test_a_message_without_handler_is_a_type_error() -> None:
    """The asker gets TypeError, it is logged, and the actor lives."""
    ref = Notebook.start()
    with structlog.testing.capture_logs() as logs, pytest.raises(TypeError, match="Unheard"):
        await ask(ref, Unheard())

    assert "actor_message_unknown" == logs[0]["event"]
    assert ref.alive


async def test_a_crash_is_logged_without_what_the_message_holds() -> None:
    """The log names actor, message type, error type and place, not texts."""

    def leak(_actor: Notebook) -> None:
        raise ValueError("card 4111111111111111")

    ref = Notebook.start()
    with structlog.testing.capture_logs() as logs, pytest.raises(ValueError, match="card"):
        await ask(ref, Call(function=leak))
    await ref.stop()

    assert ("actor_crashed", "Call", "ValueError") == (
        logs[0]["event"],
        logs[0]["message"],
        logs[0]["error"],
    )
    assert "4111" not in repr(logs)
    assert "leak" in logs[0]["where"][-1]


async def test_messages_wait_while_it_starts() -> None:
    """What is told during on_start is handled after it."""
    gate = asyncio.Event()

    class Slow(Notebook):
        async def on_start(self) -> None:
            await gate.wait()
            self.notes.append("started")

    ref = Slow.start()
    ref.tell(Note(text="first"))
    asked = asyncio.create_task(ask(ref, Read()))
    await asyncio.sleep(0)
    assert ref.mailbox_length > 0
    gate.set()

    assert ["started", "first"] == await asked


async def test_a_crash_at_the_start_reaches_who_waits() -> None:
    """When on_start fails, who asked gets ActorStopped with the failure as its cause."""

    class Stillborn(Notebook):
        async def on_start(self) -> None:
            raise Broken

    ref = Stillborn.start()
    with pytest.raises(ActorStopped) as caught:
        await ask(ref, Read())

    assert isinstance(caught.value.__cause__, Broken)


async def test_an_ask_has_a_deadline() -> None:
    """Past its deadline an ask raises, and the handler goes on."""
    ref, held = Notebook.start(), Held()
    with pytest.raises(DeadlineExceeded, match="Hold"):
        await ref.ask(held.message, deadline_seconds=0.001)
    held.gate.set()

    assert ["held"] == await ask(ref, Read())


async def test_a_deadline_is_a_timeout_error() -> None:
    """Who waits for TimeoutError gets it."""

    assert issubclass(DeadlineExceeded, TimeoutError)


async def test_a_cancelled_asker_does_not_cancel_the_handler() -> None:
    """A client that hangs up does not stop the work; its answer is dropped."""
    ref, held = Notebook.start(), Held()
    asker = asyncio.create_task(ask(ref, held.message))
    await held.entered.wait()
    asker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asker
    held.gate.set()

    assert ["held"] == await ask(ref, Read())


async def test_a_cancelled_asker_still_has_its_message_handled() -> None:
    """Also a message that had not begun when its asker went is handled."""
    ref, held = Notebook.start(), Held()
    ref.tell(held.message)
    asker = asyncio.create_task(ask(ref, Note(text="sent")))
    await held.entered.wait()
    asker.cancel()
    held.gate.set()

    assert ["held", "sent"] == await ask(ref, Read())


async def test_a_failure_that_meets_a_cancelled_asker_is_not_reported_twice() -> None:
    """A handler fails as its asker is cancelled: asyncio has no forgotten error to report."""
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, what: reported.append(what))
    ref = Notebook.start()

    def fail(_actor: Notebook) -> None:
        asyncio.get_running_loop().call_soon(askers[0].cancel)
        raise Broken

    askers = [asyncio.create_task(ask(ref, Call(function=fail)))]
    done, _pending = await asyncio.wait(askers)
    await ref.stop()
    assert all(asker.cancelled() for asker in done)
    done.clear()
    askers.clear()
    gc.collect()

    assert [] == reported


async def test_a_cancelled_error_is_no_failure() -> None:
    """What a handler awaits is cancelled elsewhere: the asker is told, the actor lives."""

    async def wait_for_cancelled(_actor: Notebook) -> None:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    ref = Notebook.start()
    with pytest.raises(HandlerCancelled):
        await ask(ref, Call(function=wait_for_cancelled))

    assert ref.alive
    assert [] == await ask(ref, Read())


async def test_a_timeout_inside_a_handler_is_its_own_affair() -> None:
    """asyncio.timeout works in handlers and is not taken for a cancellation from outside."""

    async def impatient(_actor: Notebook) -> str:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            return "gave up"
        return "waited"

    ref = Notebook.start()

    assert "gave up" == await ask(ref, Call(function=impatient))


async def test_stop_handles_what_waits_and_refuses_what_comes() -> None:
    """Stopping is graceful for what stands before it, and final for what comes after it."""
    notes: list[str] = []
    ref, held = Notebook.start(notes), Held()
    ref.tell(held.message)
    ref.tell(Note(text="before"))
    stopped = ref.stop()
    with pytest.raises(ActorStopped):
        ref.tell(Note(text="after"))
    held.gate.set()
    await stopped
    await ref.stop()

    assert ["held", "before"] == notes
    assert not ref.alive


async def test_an_actor_can_stop_itself() -> None:
    """self.stop() in a handler ends it after what waits."""
    notes: list[str] = []
    ref = Notebook.start(notes)
    ref.tell(Call(function=lambda actor: actor.stop()))
    ref.tell(Note(text="waited"))
    await ref.stop()

    assert ["waited"] == notes


async def test_the_hooks_run_at_their_time() -> None:
    """on_stop runs at a stop, on_failure with the exception at a failure, never both."""
    calls: list[object] = []

    class Hooked(Notebook):
        async def on_stop(self) -> None:
            calls.append("stopped")

        async def on_failure(self, exception: Exception) -> None:
            calls.append(type(exception))

    await Hooked.start().stop()
    failing = Hooked.start()
    failing.tell(Break())
    await failing.stop()

    assert ["stopped", Broken] == calls


async def test_a_failing_hook_does_not_keep_it_alive() -> None:
    """An exception of on_stop is logged, and the actor has ended."""

    class Bad(Notebook):
        async def on_stop(self) -> None:
            raise Broken

    ref = Bad.start()
    with structlog.testing.capture_logs() as logs:
        await ref.stop()

    assert ["actor_end_failed"] == [entry["event"] for entry in logs]
    assert not ref.alive


async def test_a_full_mailbox_refuses() -> None:
    """Beyond mailbox_max a tell and an ask raise MailboxFull; what was accepted is handled."""
    notes: list[str] = []
    cell, held = cell_of(Lonely(), notes, mailbox_max=2), Held()
    ref = Ref(cell)
    ref.tell(held.message)
    await held.entered.wait()
    ref.tell(Note(text="1"))
    ref.tell(Note(text="2"))
    with pytest.raises(MailboxFull):
        ref.tell(Note(text="3"))
    with pytest.raises(Overloaded):
        await ask(ref, Read())
    held.gate.set()
    await ref.stop()

    assert ["held", "1", "2"] == notes


async def test_a_turn_is_limited() -> None:
    """A busy actor lets others run after turn_max messages."""
    notes: list[str] = []
    ref = Ref(cell_of(Lonely(), notes, turn_max=10))
    for number in range(35):
        ref.tell(Note(text=str(number)))
    lengths = []
    while ref.mailbox_length:
        await asyncio.sleep(0)
        lengths.append(len(notes))

    assert [10, 20, 30, 35] == lengths


async def test_there_is_no_task_while_it_is_idle() -> None:
    """An idle actor costs no task."""
    ref = Notebook.start()
    await ask(ref, Read())
    await asyncio.sleep(0)

    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_handlers_do_not_inherit_the_context_of_their_waker() -> None:
    """What the teller has in its context variables is not seen by handler, hook or spawned work."""
    seen: list[str] = []

    class Looking(Notebook):
        async def on_start(self) -> None:
            seen.append(waker.get())

    async def look() -> None:
        seen.append(waker.get())

    waker.set("somebody")
    ref = Looking.start()
    await ask(ref, Call(function=lambda _actor: seen.append(waker.get())))
    await ask(ref, Call(function=lambda actor: actor.spawn(look(), "look")))
    await ref.stop()

    assert ["nobody", "nobody", "nobody"] == seen


async def test_handlers_do_not_inherit_the_context_of_the_message_before() -> None:
    """A context variable that one message leaves behind is not there for the next one."""
    ref = Notebook.start()
    ref.tell(Call(function=lambda _actor: waker.set("the message before")))

    assert "nobody" == await ask(ref, Call(function=lambda _actor: waker.get()))


async def test_nobody_asks_himself() -> None:
    """An ask of oneself inside a handler raises at once instead of waiting for its deadline."""
    ref = Notebook.start()
    with pytest.raises(CircularAsk):
        await ask(ref, Call(function=lambda actor: ask(actor.ref, Read())))


async def test_nobody_asks_in_a_circle() -> None:
    """a asks b, which asks a: b gets CircularAsk, which names the circle."""
    first, second = Notebook.start(), Notebook.start()

    def back(_actor: Notebook) -> object:
        return ask(first, Read())

    def forth(_actor: Notebook) -> object:
        return ask(second, Call(function=back))

    with pytest.raises(CircularAsk, match=r"Notebook → alone/Notebook → alone/Notebook"):
        await ask(first, Call(function=forth))


async def test_asking_one_after_the_other_is_no_circle() -> None:
    """An actor that has asked another can be asked by it later."""
    first, second = Notebook.start(), Notebook.start()
    await ask(first, Call(function=lambda _actor: ask(second, Read())))

    assert [] == await ask(second, Call(function=lambda _actor: ask(first, Read())))


async def test_an_actor_cannot_wait_for_its_own_end() -> None:
    """ref.stop() inside its own handler would never be done, so it raises."""
    ref = Notebook.start()
    with pytest.raises(CircularAsk):
        await ask(ref, Call(function=lambda actor: actor.ref.stop()))


async def test_a_foreign_thread_cannot_tell_or_ask() -> None:
    """Outside the loop's thread tell and ask raise WrongThread."""
    ref = Notebook.start()

    def outside() -> None:
        with pytest.raises(WrongThread):
            ref.tell(Note(text="outside"))
        with pytest.raises(WrongThread):
            asyncio.run(ask(ref, Read()))

    await asyncio.to_thread(outside)

    assert [] == await ask(ref, Read())


async def test_a_foreign_thread_enters_through_tell_threadsafe() -> None:
    """tell_threadsafe puts the message on the loop's own thread."""
    threads: list[threading.Thread] = []
    ref = Notebook.start()
    message = Call(function=lambda _actor: threads.append(threading.current_thread()))
    await asyncio.to_thread(ref.tell_threadsafe, message)
    await ref.stop()

    assert [threading.main_thread()] == threads


async def test_a_message_lost_on_its_way_in_is_logged() -> None:
    """tell_threadsafe to a stopped actor leaves a log line."""
    ref = Notebook.start()
    await ref.stop()
    with structlog.testing.capture_logs() as logs:
        await asyncio.to_thread(ref.tell_threadsafe, Note(text="late"))
        await asyncio.sleep(0)

    assert ["actor_message_lost"] == [entry["event"] for entry in logs]


async def test_slow_work_leaves_the_mailbox_open() -> None:
    """Spawned work runs beside the messages and tells its result to the actor."""
    gate = asyncio.Event()

    async def slow(actor: Notebook) -> None:
        await gate.wait()
        actor.ref.tell(Note(text="result"))

    ref = Notebook.start()
    task = await ask(ref, Call(function=lambda actor: actor.spawn(slow(actor), "slow")))
    assert [] == await ask(ref, Read())
    gate.set()
    await task

    assert ["result"] == await ask(ref, Read())


async def test_spawned_work_may_ask_its_own_actor() -> None:
    """Spawned work does not hold the mailbox, so its asks are no circle."""

    async def slow(actor: Notebook) -> object:
        return await ask(actor.ref, Read())

    ref = Notebook.start(["kept"])
    task = await ask(ref, Call(function=lambda actor: actor.spawn(slow(actor), "slow")))

    assert ["kept"] == await task


async def test_spawned_work_is_limited() -> None:
    """Beyond tasks_max spawn raises TasksFull and the coroutine is closed."""
    gate = asyncio.Event()

    def fill(actor: Notebook) -> None:
        for _ in range(2):
            actor.spawn(gate.wait(), "waiting")
        with pytest.raises(TasksFull):
            actor.spawn(gate.wait(), "too many")

    ref = Notebook.start(tasks_max=2)
    await ask(ref, Call(function=fill))
    gate.set()
    await ref.stop()


async def test_spawned_work_is_cancelled_at_the_end() -> None:
    """When the incarnation ends its spawned work is cancelled and waited for."""
    log: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            log.append("cancelled")

    ref = Notebook.start()
    await ask(ref, Call(function=lambda actor: actor.spawn(endless(), "endless")))
    await asyncio.sleep(0)
    await ref.stop()

    assert ["cancelled"] == log


async def test_a_failure_of_spawned_work_ends_the_actor() -> None:
    """An exception that spawned work does not handle is a failure of the actor."""

    async def fail() -> None:
        raise Broken

    owner = Lonely()
    ref = Ref(cell_of(owner, []))
    await ask(ref, Call(function=lambda actor: actor.spawn(fail(), "failing")))
    await until(lambda: not ref.alive)

    assert [Broken] == [type(failure) for failure in owner.endings]


async def test_an_ended_incarnation_spawns_nothing() -> None:
    """spawn after the end raises ActorStopped."""
    actors: list[Notebook] = []
    ref = Notebook.start()
    await ask(ref, Call(function=actors.append))
    await ref.stop()
    with pytest.raises(ActorStopped):
        actors[0].spawn(asyncio.sleep(0), "late")


async def test_a_slow_stop_is_cut_short() -> None:
    """Past its limit a stop cancels the handler; who asked gets ActorStopped."""
    cell, held = cell_of(Lonely(), []), Held()
    asked = asyncio.create_task(ask(Ref(cell), held.message))
    await held.entered.wait()

    assert not await cell.stop_within(0.001)
    with pytest.raises(ActorStopped):
        await asked


async def test_a_handler_that_ignores_its_cancellation_is_given_up() -> None:
    """Stopping ends even when a handler swallows cancellations."""
    gate = asyncio.Event()

    async def stubborn(_actor: Notebook) -> None:
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue

    cell = cell_of(Lonely(), [])
    Ref(cell).tell(Call(function=stubborn))
    await asyncio.sleep(0)
    with structlog.testing.capture_logs() as logs:
        assert not await cell.stop_within(0.001, kill_seconds=0.001)

    assert not cell.alive
    assert "actor_ignores_cancellation" == logs[-1]["event"]
    gate.set()


async def test_a_handler_that_was_given_up_leaves_its_successor_alone() -> None:
    """When it returns at last, it neither takes messages nor ends the next incarnation."""
    gate, notes = asyncio.Event(), []

    async def stubborn(_actor: Notebook) -> None:
        while not gate.is_set():
            try:
                await gate.wait()
            except asyncio.CancelledError:
                continue

    cell = cell_of(Lonely(), notes)
    ref, held = Ref(cell), Held()
    ref.tell(Call(function=stubborn))
    await asyncio.sleep(0)
    (old_turn,) = asyncio.all_tasks() - {asyncio.current_task()}
    await cell.stop_within(0.001, kill_seconds=0.001)
    cell.open()
    ref.tell(held.message)
    ref.tell(Note(text="next"))
    await held.entered.wait()
    gate.set()
    await old_turn
    assert ([], 1) == (notes, ref.mailbox_length)
    held.gate.set()

    assert ["held", "next"] == await ask(ref, Read())


async def test_a_kill_before_the_first_step_ends_it() -> None:
    """A turn cancelled before it began still ends the incarnation."""
    owner = Lonely()
    cell = cell_of(owner, [])
    stopped = cell.stop()
    cell.kill()
    await stopped

    assert not cell.alive
    assert [None] == owner.endings


async def test_a_subclass_can_override_a_handler() -> None:
    """Handlers are inherited, and an override of the method is used."""

    class Shouting(Notebook):
        async def read(self, message: Read) -> list[str]:
            return [note.upper() for note in await super().read(message)]

    assert ["A"] == await ask(Shouting.start(["a"]), Read())


def test_handlers_are_checked_when_they_are_defined() -> None:
    """Only async methods handle, only frozen dataclasses are messages, and one handler each."""
    with pytest.raises(TypeError, match="frozen dataclass"):
        handles(int)
    with pytest.raises(TypeError, match="async def"):
        handles(Read)(lambda _self, _message: None)
    with pytest.raises(TypeError, match="two handlers"):

        class Doubled(Actor):
            @handles(Read)
            async def one(self, message: Read) -> None: ...

            @handles(Read)
            async def two(self, message: Read) -> None: ...


async def test_actors_are_made_by_their_owners_only() -> None:
    """A bare constructor has no mailbox to give; pykka's registry holds none of ours."""
    with pytest.raises(TypeError, match="supervisor"):
        Notebook()
    ref = Notebook.start()

    assert [] == pykka.ActorRegistry.get_all()
    assert "alone/Notebook" == ref.name
    assert "<Ref alone/Notebook>" == repr(ref)


async def test_an_actor_does_not_make_another_by_its_constructor() -> None:
    """It would share the mailbox of the one that makes it."""

    class Outer(Notebook):
        def __init__(self) -> None:
            super().__init__()
            Notebook()

    with pytest.raises(TypeError, match="supervisor"):
        Outer.start()


async def test_pykkas_own_face_tells_into_the_same_mailbox() -> None:
    """pykka's ActorRef.tell works, its blocking ask is refused."""
    ref = Notebook.start()
    refs: list[pykka.ActorRef] = []
    await ask(ref, Call(function=lambda actor: refs.append(actor.actor_ref)))
    with pytest.raises(TypeError, match=r"Ref\.ask"):
        refs[0].ask(Read())
    assert refs[0].is_alive()
    await ref.stop()

    assert not refs[0].is_alive()
