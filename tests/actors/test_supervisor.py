"""Supervisors: order of start and stop, restarts, giving up, nesting."""

from __future__ import annotations

import asyncio

import pytest

from gateway.actors.errors import ActorStopped, TooManyRestarts
from gateway.actors.region import Region
from gateway.actors.runtime import Ref
from gateway.actors.supervisor import ChildSpec, Supervisor
from tests.actors.actor_samples import Break, Broken, Call, Held, Note, Notebook, Read, until


class Logged(Notebook):
    """Writes its starts and ends into a log that all share."""

    def __init__(self, name: str, log: list[str], *, broken: bool = False) -> None:
        super().__init__()
        self.name, self.log, self.broken = name, log, broken

    async def on_start(self) -> None:
        self.log.append(f"{self.name} starts")
        if self.broken:
            raise Broken

    async def on_stop(self) -> None:
        self.log.append(f"{self.name} stops")


def spec(name: str, log: list[str], **settings: object) -> ChildSpec:
    broken = bool(settings.pop("broken", False))
    return ChildSpec(name=name, factory=lambda: Logged(name, log, broken=broken), **settings)


def notebook(name: str = "notebook", **settings: object) -> ChildSpec:
    return ChildSpec(name=name, factory=Notebook, **settings)


def quick(name: str, children: list[ChildSpec], **settings: object) -> Supervisor:
    return Supervisor(name, children, **{"backoff_seconds": 0.0, **settings})


async def ask(ref: Ref, message: object) -> object:
    return await ref.ask(message, deadline_seconds=5)


async def crash(ref: Ref) -> None:
    with pytest.raises(Broken):
        await ask(ref, Break())


async def test_children_start_in_order_and_stop_in_mirror_order() -> None:
    """What was started last stops first."""
    log: list[str] = []
    root = quick("root", [spec("a", log), spec("b", log), spec("c", log)])
    await root.start()
    await root.stop()

    starts = ["a starts", "b starts", "c starts"]
    assert [*starts, "c stops", "b stops", "a stops"] == log


async def test_each_start_is_awaited_before_the_next() -> None:
    """The second child starts when the first one's on_start is done."""
    log: list[str] = []
    gate = asyncio.Event()

    class Slow(Notebook):
        async def on_start(self) -> None:
            await gate.wait()
            log.append("slow has started")

    root = quick("root", [ChildSpec(name="slow", factory=Slow), spec("b", log)])
    starting = asyncio.create_task(root.start())
    await asyncio.sleep(0)
    gate.set()
    await starting
    await root.stop()

    assert ["slow has started", "b starts", "b stops"] == log


async def test_a_child_that_fails_at_boot_stops_the_others_again() -> None:
    """The error is raised, and what was started is stopped in mirror order."""
    log: list[str] = []
    children = [spec("a", log), spec("b", log), spec("bad", log, broken=True), spec("d", log)]
    root = quick("root", children)
    with pytest.raises(Broken):
        await root.start()

    assert ["a starts", "b starts", "bad starts", "b stops", "a stops"] == log
    assert not root.tree().alive
    assert {"a": 0, "b": 0, "bad": 0, "d": 0} == root.restarts


async def test_a_factory_that_fails_at_boot_stops_the_others_again() -> None:
    """A constructor's error is treated as one of on_start."""
    log: list[str] = []

    def fail() -> Notebook:
        raise Broken

    root = quick("root", [spec("a", log), ChildSpec(name="bad", factory=fail)])
    with pytest.raises(Broken):
        await root.start()

    assert ["a starts", "a stops"] == log


async def test_a_crash_right_after_the_start_is_restarted() -> None:
    """Also when the supervisor has not yet seen that the child has started."""
    root = quick("root", [notebook()])
    starting = asyncio.create_task(root.start())
    ref = root.child("notebook")
    await until(lambda: ref.alive)
    ref.tell(Break())
    await starting

    assert [] == await ask(ref, Read())
    assert {"notebook": 1} == root.restarts
    await root.stop()


async def test_a_cancelled_start_stops_what_was_started() -> None:
    """Nothing is left behind when the start itself is given up."""
    log: list[str] = []

    class Endless(Notebook):
        async def on_start(self) -> None:
            await asyncio.Event().wait()

    endless = ChildSpec(name="endless", factory=Endless, stop_seconds=0.001)
    root = quick("root", [spec("a", log), endless])
    starting = asyncio.create_task(root.start())
    await until(lambda: root.child("endless").alive)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert ["a starts", "a stops"] == log
    assert not root.child("endless").alive


async def test_a_failed_child_is_restarted_by_itself() -> None:
    """One for one: a new incarnation of the failed one, the others stay."""
    root = quick("root", [notebook("a"), notebook("b")])
    await root.start()
    for name in "ab":
        root.child(name).tell(Note(text="before"))
    await crash(root.child("a"))

    assert [] == await ask(root.child("a"), Read())
    assert ["before"] == await ask(root.child("b"), Read())
    assert {"a": 1, "b": 0} == root.restarts
    await root.stop()


async def test_a_restart_keeps_the_mailbox() -> None:
    """Messages behind the failing one wait for the next incarnation; it is not handled again."""
    notes: list[str] = []
    root = quick("root", [ChildSpec(name="notebook", factory=lambda: Notebook(notes))])
    await root.start()
    ref = root.child("notebook")
    for message in (Note(text="1"), Break(), Note(text="2")):
        ref.tell(message)
    ref.tell(Note(text="3"))

    assert ["1", "2", "3"] == await ask(ref, Read())
    assert {"notebook": 1} == root.restarts
    await root.stop()


async def test_a_ref_is_stable_over_restarts() -> None:
    """The ref taken before the start and before a restart goes on to serve."""
    root = quick("root", [notebook()])
    ref = root.child("notebook")
    with pytest.raises(ActorStopped, match="not started"):
        ref.tell(Note(text="early"))
    await root.start()
    await crash(ref)

    assert [] == await ask(ref, Read())
    assert "root/notebook" == ref.name
    await root.stop()


async def test_messages_wait_during_the_backoff() -> None:
    """Between crash and restart there is no incarnation, and messages are accepted."""
    root = quick("root", [notebook()], backoff_seconds=0.25)
    await root.start()
    ref = root.child("notebook")
    await crash(ref)
    await until(lambda: not ref.alive)
    ref.tell(Note(text="meanwhile"))
    assert 1 == ref.mailbox_length

    assert ["meanwhile"] == await ask(ref, Read())
    await root.stop()


async def test_a_permanent_child_that_stops_itself_takes_messages_again() -> None:
    """After its end they are accepted, and handled by the next incarnation."""
    root = quick("root", [notebook()], backoff_seconds=0.25)
    await root.start()
    ref = root.child("notebook")
    await ref.stop()
    assert not ref.alive
    ref.tell(Note(text="meanwhile"))

    assert ["meanwhile"] == await ask(ref, Read())
    await root.stop()


async def test_a_stop_during_the_backoff_ends_it() -> None:
    """A child that waits for its restart is stopped at once, and who waits is told."""
    root = quick("root", [notebook()], backoff_seconds=60.0, backoff_max_seconds=60.0)
    await root.start()
    ref = root.child("notebook")
    await crash(ref)
    waiting = asyncio.create_task(ask(ref, Read()))
    await until(lambda: not ref.alive and ref.mailbox_length)
    await root.stop()

    with pytest.raises(ActorStopped):
        await waiting


async def test_too_many_restarts_make_it_give_up() -> None:
    """More than the intensity: the others stop in mirror order, `failed` and the hook tell why."""
    log: list[str] = []
    reasons: list[Exception] = []
    children = [spec("a", log), notebook("bad"), spec("c", log)]
    root = quick("root", children, restarts=2, period_seconds=60, on_give_up=reasons.append)
    await root.start()
    for _ in range(3):
        await crash(root.child("bad"))
    reason = await root.failed

    assert [reason] == reasons
    assert isinstance(reason, TooManyRestarts)
    assert isinstance(reason.__cause__, Broken)
    assert ["a starts", "c starts", "c stops", "a stops"] == log
    assert {"a": 0, "bad": 2, "c": 0} == root.restarts
    with pytest.raises(ActorStopped):
        root.child("bad").tell(Note(text="late"))
    await root.stop()


async def test_restarts_outside_the_period_do_not_count() -> None:
    """The intensity is restarts per period, not since the start."""
    root = quick("root", [notebook()], restarts=1, period_seconds=0.0)
    await root.start()
    for _ in range(5):
        await crash(root.child("notebook"))
    await ask(root.child("notebook"), Read())

    assert {"notebook": 5} == root.restarts
    assert not root.failed.done()
    await root.stop()


async def test_a_crash_while_restarting_counts() -> None:
    """A child whose on_start fails from now on uses up the restarts."""
    starts: list[str] = []

    class Once(Notebook):
        async def on_start(self) -> None:
            starts.append("start")
            if len(starts) > 1:
                raise Broken

    root = quick("root", [ChildSpec(name="once", factory=Once)], restarts=3)
    await root.start()
    await crash(root.child("once"))
    await root.failed

    assert 4 == len(starts)
    assert {"once": 3} == root.restarts


async def test_a_factory_that_fails_at_a_restart_counts() -> None:
    """Also a constructor's error uses up the restarts."""
    made: list[str] = []

    def once() -> Notebook:
        made.append("made")
        if len(made) > 1:
            raise Broken
        return Notebook()

    root = quick("root", [ChildSpec(name="once", factory=once)], restarts=3)
    await root.start()
    await crash(root.child("once"))
    await root.failed

    assert 4 == len(made)


@pytest.mark.parametrize(
    ("restart", "after_stop", "after_failure"),
    [("permanent", True, True), ("transient", False, True), ("temporary", False, False)],
)
async def test_the_kind_of_child_says_when_it_is_restarted(
    restart: str, *, after_stop: bool, after_failure: bool
) -> None:
    """Permanent: always. Transient: after a failure. Temporary: never."""
    root = quick("root", [notebook("stopped", restart=restart), notebook("bad", restart=restart)])
    await root.start()
    await root.child("stopped").stop()
    await crash(root.child("bad"))
    await until(lambda: not root.child("bad").alive or root.restarts["bad"])

    assert {"stopped": int(after_stop), "bad": int(after_failure)} == root.restarts
    await root.stop()


async def test_stop_may_be_called_twice_and_before_start() -> None:
    """Neither does any harm, and a start may follow."""
    log: list[str] = []
    root = quick("root", [spec("a", log)])
    await root.stop()
    await root.start()
    await root.stop()
    await root.stop()
    await root.start()
    await asyncio.gather(root.stop(), root.stop())

    assert ["a starts", "a stops"] * 2 == log


async def test_a_child_that_stops_too_slowly_is_cut_short() -> None:
    """Each child has its own limit; the others still stop in order."""
    log: list[str] = []
    held = Held()
    root = quick("root", [spec("a", log), notebook("slow", stop_seconds=0.001)])
    await root.start()
    asked = asyncio.create_task(ask(root.child("slow"), held.message))
    await held.entered.wait()
    await root.stop()

    assert ["a starts", "a stops"] == log
    with pytest.raises(ActorStopped):
        await asked


async def test_a_stop_handles_what_waits_in_the_mailboxes() -> None:
    """Messages accepted before the stop are handled."""
    notes: list[str] = []
    root = quick("root", [ChildSpec(name="notebook", factory=lambda: Notebook(notes))])
    await root.start()
    for number in range(250):
        root.child("notebook").tell(Note(text=str(number)))
    await root.stop()

    assert 250 == len(notes)


async def test_a_crash_during_the_stop_is_not_restarted() -> None:
    """Once it stops, a supervisor restarts nothing."""
    root = quick("root", [notebook()])
    await root.start()
    root.child("notebook").tell(Break())
    await root.stop()

    assert {"notebook": 0} == root.restarts
    assert not root.child("notebook").alive


async def test_a_nested_supervisor_that_gives_up_is_restarted_by_its_parent() -> None:
    """Failures escalate: inner restarts first, then the inner tree anew."""
    inner = quick("inner", [notebook()], restarts=1)
    root = quick("root", [ChildSpec(name="inner", factory=lambda: inner)])
    await root.start()
    for time in (1, 2):
        for _ in range(2):
            await crash(inner.child("notebook"))
        await until(lambda: root.restarts["inner"] == time and inner.child("notebook").alive)  # noqa: B023

    for _ in range(20):
        assert [] == await ask(inner.child("notebook"), Read())

    assert ({"inner": 2}, {"notebook": 2}) == (root.restarts, inner.restarts)
    assert not root.failed.done()
    await root.stop()
    assert not inner.child("notebook").alive


async def test_a_nested_failure_at_boot_reaches_the_top() -> None:
    """The root's start raises what a grandchild's on_start raised."""
    log: list[str] = []
    inner = quick("inner", [spec("bad", log, broken=True)])
    root = quick("root", [spec("a", log), ChildSpec(name="inner", factory=lambda: inner)])
    with pytest.raises(Broken):
        await root.start()

    assert ["a starts", "bad starts", "a stops"] == log


async def test_a_nested_stop_that_is_too_slow_leaves_nothing_running() -> None:
    """When the parent's limit passes, the grandchildren are cancelled too."""
    held = Held()
    inner = quick("inner", [notebook(stop_seconds=60)])
    root = quick("root", [ChildSpec(name="inner", factory=lambda: inner, stop_seconds=0.001)])
    await root.start()
    inner.child("notebook").tell(held.message)
    await held.entered.wait()
    await root.stop()

    assert not inner.child("notebook").alive
    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_the_tree_can_be_shown() -> None:
    """tree() names every child with its restarts, waiting messages and children."""
    region = Region("orders", lambda _identity: Notebook())
    inner = quick("inner", [notebook()])
    units = [("orders", region), ("inner", inner)]
    children = [ChildSpec(name=name, factory=lambda unit=unit: unit) for name, unit in units]
    root = quick("root", [*children, notebook("pool")])
    await root.start()
    region.tell("1", Note(text="a"))
    await crash(root.child("pool"))
    await ask(root.child("pool"), Call(function=lambda _actor: None))
    tree = root.tree()
    await root.stop()

    shown = [(node.name, node.kind, node.alive, node.restarts, node.live) for node in tree.children]
    assert [
        ("orders", "region", True, 0, 1),
        ("inner", "supervisor", True, 0, None),
        ("pool", "actor", True, 1, None),
    ] == shown
    assert ["notebook"] == [node.name for node in tree.children[1].children]
    assert ("root", "supervisor", 1) == (tree.name, tree.kind, tree.restarts)


def test_names_are_unique() -> None:
    """Two children of one name are an error of whoever wrote the tree."""
    with pytest.raises(ValueError, match="same name"):
        Supervisor("root", [notebook(), notebook()])
