"""Regions: activation, succession, passivation and their limits."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from gateway.actors.errors import (
    ActorStopped,
    CircularAsk,
    MailboxFull,
    RegionFull,
    RegionStopped,
    WrongThread,
)
from gateway.actors.region import Region
from gateway.actors.runtime import Actor, handles
from gateway.domain.errors import NotFound
from tests.actors.actor_samples import Break, Broken, Call, Held, Note, Notebook, Read, until


@asynccontextmanager
async def running(factory: Callable[[str], Actor], **settings: object) -> AsyncIterator[Region]:
    """A started region, stopped at the end."""
    region = Region("notes", factory, **settings)
    await region.start()
    yield region
    await region.stop()


def plain(_identity: str) -> Notebook:
    return Notebook()


class Ending(Notebook):
    """Its on_stop waits for a gate."""

    gate: asyncio.Event
    ending: asyncio.Event

    async def on_stop(self) -> None:
        self.ending.set()
        await self.gate.wait()


def ending_class() -> type[Ending]:
    """A class of its own, so that its two signals belong to one loop."""
    signals = {"gate": asyncio.Event(), "ending": asyncio.Event()}
    return type("Ending", (Ending,), signals)


async def ask(region: Region, identity: str, message: object) -> object:
    return await region.ask(identity, message, deadline_seconds=5)


async def test_a_message_activates_its_entity() -> None:
    """The first message for an identity makes the entity, later ones find it."""
    made: list[str] = []

    def make(identity: str) -> Notebook:
        made.append(identity)
        return Notebook()

    async with running(make) as region:
        region.tell("1", Note(text="a"))
        region.tell("1", Note(text="b"))
        region.tell("2", Note(text="c"))

        assert ["a", "b"] == await ask(region, "1", Read())
        assert ["1", "2"] == made
        assert (2, 2) == (region.live, region.activations_total)


async def test_an_entity_has_a_face_that_outlives_it() -> None:
    """A ref activates by the first message, and again after a crash."""
    async with running(plain) as region:
        ref = region.ref("1")
        assert not ref.alive
        ref.tell(Note(text="a"))
        assert (True, 1, "notes/1") == (ref.alive, ref.mailbox_length, ref.name)
        with pytest.raises(Broken):
            await ref.ask(Break(), deadline_seconds=5)
        await until(lambda: not ref.alive)

        assert [] == await ref.ask(Read(), deadline_seconds=5)


async def test_an_entity_knows_its_own_lasting_face() -> None:
    """self.ref of an entity goes on to serve after its passivation."""
    async with running(plain) as region:
        own = await ask(region, "1", Call(function=lambda actor: actor.ref))
        await own.stop()
        assert not own.alive
        own.tell(Note(text="again"))

        assert ["again"] == await ask(region, "1", Read())


async def test_a_crashed_entity_is_not_restarted() -> None:
    """Without a message there is no new incarnation."""
    async with running(plain) as region:
        with pytest.raises(Broken):
            await ask(region, "1", Break())
        await until(lambda: region.live == 0)

        assert (1, 1) == (region.activations_total, region.crashes_total)


async def test_what_waits_at_a_crash_goes_to_the_successor() -> None:
    """The failing message is not handled again, those behind it are."""
    notes: list[str] = []
    async with running(lambda _identity: Notebook(notes)) as region:
        for message in (Note(text="1"), Break(), Note(text="2")):
            region.tell("1", message)

        assert ["1", "2"] == await ask(region, "1", Read())
        assert 2 == region.activations_total


async def test_a_crash_loop_is_bounded() -> None:
    """An identity that crashes too often: who waits gets the error; the next message tries anew."""

    class Stillborn(Notebook):
        async def on_start(self) -> None:
            raise Broken

    async with running(lambda _identity: Stillborn(), crashes_max=3) as region:
        with pytest.raises(Broken):
            await ask(region, "1", Read())
        assert 4 == region.crashes_total
        with pytest.raises(Broken):
            await ask(region, "1", Read())

        assert (5, 0) == (region.crashes_total, region.live)


async def test_crashes_are_counted_for_each_identity() -> None:
    """One poisonous entity does not use up the successors of another."""
    notes: list[str] = []
    async with running(lambda _identity: Notebook(notes), crashes_max=1) as region:
        for identity in "abc":
            region.tell(identity, Break())
            region.tell(identity, Note(text=identity))
        await until(lambda: len(notes) == 3)

        assert ["a", "b", "c"] == sorted(notes)


async def test_old_crashes_are_forgotten() -> None:
    """Crashes outside the period do not count."""
    async with running(plain, crashes_max=1, crash_period_seconds=0.0) as region:
        for _ in range(5):
            region.tell("1", Break())

        assert [] == await ask(region, "1", Read())
        assert 5 == region.crashes_total


async def test_crash_counts_do_not_pile_up() -> None:
    """The sweep drops what lies before the period."""
    async with running(plain, crash_period_seconds=0.0, sweep_interval_seconds=0.0) as region:
        for number in range(50):
            region.tell(str(number), Break())
        await until(lambda: region.crashes_total == 50)

        await until(lambda: not region._crashes)


async def test_spawned_work_that_is_refused_is_a_crash() -> None:
    """Rejected from spawned work has no asker, so it does not refuse those that wait."""

    async def refused() -> None:
        raise NotFound("nobody asked")

    async with running(plain) as region:
        region.tell("1", Call(function=lambda actor: actor.spawn(refused(), "refused")))
        await until(lambda: region.crashes_total == 1)

        assert [] == await ask(region, "1", Read())


async def test_a_failing_constructor_goes_to_the_caller() -> None:
    """What the factory raises is raised by tell and ask; nothing is left behind."""

    def fail(_identity: str) -> Notebook:
        raise Broken

    async with running(fail) as region:
        with pytest.raises(Broken):
            region.tell("1", Read())

        assert 0 == region.live


async def test_a_refusal_at_the_start_goes_to_who_waits() -> None:
    """Rejected from on_start is no crash: all that wait get it, and the entity is gone."""

    class Missing(Notebook):
        async def on_start(self) -> None:
            raise NotFound("no such order")

    async with running(lambda _identity: Missing()) as region:
        asked = [ask(region, "1", Read()) for _ in range(3)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        await until(lambda: region.live == 0)

        assert [NotFound] * 3 == [type(result) for result in results]
        assert (0, 1) == (region.crashes_total, region.activations_total)


async def test_an_idle_entity_is_passivated() -> None:
    """After idle_seconds without a message the sweep forgets it; the next one rebuilds it."""
    async with running(plain, idle_seconds=0.0, sweep_interval_seconds=0.001) as region:
        await ask(region, "1", Note(text="forgotten"))
        await until(lambda: region.live == 0)

        assert [] == await ask(region, "1", Read())
        assert 1 <= region.passivations_total


async def test_a_recently_used_entity_stays() -> None:
    """The sweep leaves alone what was used within idle_seconds."""
    async with running(plain, idle_seconds=60.0, sweep_interval_seconds=0.0) as region:
        region.tell("1", Note(text="kept"))
        for _ in range(20):
            await asyncio.sleep(0)

        assert ["kept"] == await ask(region, "1", Read())


async def test_a_busy_entity_is_not_swept() -> None:
    """Neither a handler nor spawned work under way is cut off by the sweep."""
    held, gate = Held(), asyncio.Event()
    async with running(plain, idle_seconds=0.0, sweep_interval_seconds=0.0) as region:
        region.tell("handling", held.message)
        spawn = Call(function=lambda actor: actor.spawn(gate.wait(), "slow"))
        await ask(region, "spawning", spawn)
        await held.entered.wait()
        for _ in range(50):
            await asyncio.sleep(0)
        assert region.ref("handling").alive
        assert region.ref("spawning").alive
        held.gate.set()
        gate.set()
        await until(lambda: region.live == 0)


async def test_messages_during_passivation_go_to_the_successor() -> None:
    """What arrives while an entity stops is handled by a new incarnation, after the end."""
    kind, made = ending_class(), []

    def make(identity: str) -> Notebook:
        made.append(identity)
        return kind()

    async with running(make, idle_seconds=0.0, sweep_interval_seconds=0.001) as region:
        region.tell("1", Note(text="old"))
        await kind.ending.wait()
        asked = asyncio.create_task(ask(region, "1", Read()))
        await asyncio.sleep(0)
        assert 1 == len(made), "one activation at a time"
        kind.gate.set()

        assert [] == await asked
        assert 2 == len(made)


async def test_an_entity_can_forget_itself() -> None:
    """After self.passivate() the rest of the mailbox goes to a new incarnation."""
    async with running(plain) as region:
        region.tell("1", Note(text="old"))
        region.tell("1", Call(function=lambda actor: actor.passivate()))
        region.tell("1", Note(text="new"))

        assert ["new"] == await ask(region, "1", Read())
        assert 0 == region.crashes_total


async def test_a_stopped_entity_handles_what_waits_first() -> None:
    """stop() of an entity is graceful, and it takes messages again afterwards."""
    notes: list[str] = []
    async with running(lambda _identity: Notebook(notes)) as region:
        region.tell("1", Note(text="a"))
        await region.ref("1").stop()
        await region.ref("never lived").stop()

        assert (["a"], 0) == (notes, region.live)


async def test_at_the_cap_the_least_recently_used_makes_room() -> None:
    """live_max entities live; one more passivates the one that was idle for longest."""
    async with running(plain, live_max=3) as region:
        for identity in ("a", "b", "c", "a", "d"):
            await ask(region, identity, Note(text=identity))

        alive = [identity for identity in "abcd" if region.ref(identity).alive]
        assert (["a", "c", "d"], 3) == (alive, region.live)


async def test_at_the_cap_busy_entities_are_left_alone() -> None:
    """When none is idle, activation is refused; what lives can still be asked."""
    first, second = Held(), Held()
    async with running(plain, live_max=2) as region:
        region.tell("1", first.message)
        region.tell("2", second.message)
        await first.entered.wait()
        with pytest.raises(RegionFull):
            region.tell("3", Read())
        first.gate.set()
        assert ["held"] == await ask(region, "1", Read())
        await until(lambda: region.find("1").idle)

        assert [] == await ask(region, "3", Read())
        assert not region.ref("1").alive
        second.gate.set()


async def test_at_the_cap_entities_that_are_ending_are_limited() -> None:
    """At most sweep_slice entities may be ending beside live_max that live."""
    kind = ending_class()
    async with running(lambda _identity: kind(), live_max=1, sweep_slice=1) as region:
        await ask(region, "1", Read())
        await until(lambda: region.find("1").idle)
        await ask(region, "2", Read())
        assert 2 == region.live
        await until(lambda: region.find("2").idle)
        with pytest.raises(RegionFull):
            region.tell("3", Read())
        kind.gate.set()
        await until(lambda: region.live == 1)

        assert [] == await ask(region, "3", Read())


async def test_the_sweep_works_in_slices() -> None:
    """One go of the sweep passivates no more than sweep_slice entities."""
    async with running(
        plain, idle_seconds=0.0, sweep_slice=10, sweep_interval_seconds=0.001
    ) as region:
        for number in range(95):
            region.tell(str(number), Note(text=""))
        lives = [region.live]
        while region.live:
            await asyncio.sleep(0)
            lives.append(region.live)

        steps = [before - after for before, after in pairwise(lives)]
        assert (10, 95) == (max(steps), sum(steps))


async def test_entities_with_an_end_of_their_own_are_swept_in_slices_too() -> None:
    """No more than sweep_slice of them are ending at a time, and all of them end."""
    kind = ending_class()
    async with running(
        lambda _identity: kind(), idle_seconds=0.0, sweep_slice=2, sweep_interval_seconds=0.0
    ) as region:
        for number in range(9):
            region.tell(str(number), Note(text=""))
        await kind.ending.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert (9, 2) == (region.live, region.passivations_total)
        kind.gate.set()
        await until(lambda: region.live == 0)

        assert 9 == region.passivations_total


async def test_a_full_mailbox_of_an_entity_refuses() -> None:
    """mailbox_max holds for each entity."""
    held = Held()
    async with running(plain, mailbox_max=1) as region:
        region.tell("1", held.message)
        await held.entered.wait()
        region.tell("1", Read())
        with pytest.raises(MailboxFull):
            region.tell("1", Read())
        region.tell("2", Read())
        held.gate.set()


async def test_a_region_that_is_not_running_takes_nothing() -> None:
    """Before the start and after the stop messages are refused; a start may follow."""
    region = Region("notes", plain)
    with pytest.raises(RegionStopped):
        region.tell("1", Read())
    await region.stop()
    await region.start()
    await ask(region, "1", Note(text="a"))
    await region.stop()
    await region.stop()
    with pytest.raises(ActorStopped):
        await ask(region, "1", Read())
    await region.start()

    assert [] == await ask(region, "1", Read())
    await region.stop()


async def test_a_stop_handles_what_waits() -> None:
    """Accepted messages are handled before the entities end, new ones are refused."""
    notes: list[str] = []
    held = Held()
    region = Region("notes", lambda _identity: Notebook(notes))
    await region.start()
    region.tell("1", held.message)
    region.tell("1", Note(text="accepted"))
    await held.entered.wait()
    stopping = asyncio.create_task(region.stop())
    await asyncio.sleep(0)
    with pytest.raises(RegionStopped):
        region.tell("1", Note(text="late"))
    held.gate.set()
    await stopping

    assert (["held", "accepted"], 0) == (notes, region.live)


async def test_a_stop_has_a_limit() -> None:
    """Past stop_seconds the handlers are cancelled and who waits is told."""
    held = Held()
    region = Region("notes", plain, stop_seconds=0.001)
    await region.start()
    asked = [asyncio.create_task(ask(region, "1", message)) for message in (held.message, Read())]
    await held.entered.wait()
    await region.stop()
    results = await asyncio.gather(*asked, return_exceptions=True)

    assert [ActorStopped, RegionStopped] == [type(result) for result in results]
    assert 0 == region.live


async def test_a_foreign_thread_cannot_reach_a_region() -> None:
    """tell and ask belong to the loop's thread; tell_threadsafe leads in."""
    async with running(plain) as region:

        def outside() -> None:
            with pytest.raises(WrongThread):
                region.tell("1", Read())
            region.ref("1").tell_threadsafe(Note(text="from outside"))

        await asyncio.to_thread(outside)
        await until(lambda: region.live == 1)

        assert ["from outside"] == await ask(region, "1", Read())


async def test_entities_do_not_ask_in_a_circle() -> None:
    """An entity that asks itself by its identity gets CircularAsk at once."""
    async with running(plain) as region:
        with pytest.raises(CircularAsk):
            await ask(region, "1", Call(function=lambda _actor: ask(region, "1", Read())))
        with pytest.raises(CircularAsk):
            await ask(region, "1", Call(function=lambda actor: actor.ref.stop()))


async def test_a_crowd_is_activated_and_swept_in_bounded_time() -> None:
    """100,000 entities come and go within seconds, and no sweep holds the loop for long."""

    class Quiet(Actor):
        @handles(Read)
        async def read(self, _message: Read) -> None: ...

    crowd = 100_000
    begun = time.perf_counter()
    longest = 0.0
    async with running(
        lambda _identity: Quiet(), live_max=crowd, idle_seconds=0.0, sweep_interval_seconds=0.01
    ) as region:
        for number in range(crowd):
            region.tell(str(number), Read())
        await asyncio.sleep(0)
        gc.disable()  # a collection's pause depends on all that other tests have left
        while region.live:
            before = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - before)
        gc.enable()

    assert crowd == region.passivations_total
    assert 30 > time.perf_counter() - begun
    assert 0.5 > longest
