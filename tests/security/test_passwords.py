"""Passwords: argon2id off the event loop, with limits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from argon2.exceptions import InvalidHashError

from gateway.domain.errors import Unavailable
from gateway.security.passwords import PasswordHasher


def quick_hasher(*, threads: int = 1, waiting_max: int = 8, time_cost: int = 1) -> PasswordHasher:
    return PasswordHasher(
        threads=threads,
        waiting_max=waiting_max,
        characters_max=64,
        time_cost=time_cost,
        memory_kib=64,
        parallelism=1,
    )


@pytest.fixture
def hasher() -> Iterator[PasswordHasher]:
    hasher = quick_hasher()
    yield hasher
    hasher.close()


async def test_only_the_password_itself_verifies(hasher: PasswordHasher) -> None:
    """The right password is accepted; any other, the empty one included, is not."""
    stored = await hasher.hash("test-password ✓")

    assert await hasher.verify(stored, "test-password ✓")
    for wrong in ("test-password", "Test-password ✓", "", "\ud800"):
        assert not await hasher.verify(stored, wrong)


async def test_hashes_are_salted_argon2id(hasher: PasswordHasher) -> None:
    """The same password gives another hash each time, and the password is not in it."""
    first, second = await hasher.hash("hunter2"), await hasher.hash("hunter2")

    assert first.startswith("$argon2id$")
    assert first != second
    assert "hunter2" not in first


async def test_an_unknown_user_never_verifies(hasher: PasswordHasher) -> None:
    """Without a stored hash the work is done all the same, and the answer is no."""
    assert not await hasher.verify(None, "nobody")
    assert not await hasher.verify(None, "")


async def test_a_hash_made_at_other_costs_asks_to_be_renewed(hasher: PasswordHasher) -> None:
    """Raising the costs shows at the next login."""
    stored = await hasher.hash("hunter2")
    dearer = quick_hasher(time_cost=2)

    assert not hasher.needs_rehash(stored)
    assert dearer.needs_rehash(stored)
    assert await dearer.verify(stored, "hunter2")
    dearer.close()


async def test_a_damaged_hash_is_an_error_not_a_wrong_password(hasher: PasswordHasher) -> None:
    """What is stored must be a hash; the error shows neither it nor the password."""
    with pytest.raises(InvalidHashError) as error:
        await hasher.verify("plain-text-in-the-column", "hunter2")

    assert "plain-text" not in str(error.value)
    assert "hunter2" not in str(error.value)


async def test_long_passwords_are_refused(hasher: PasswordHasher) -> None:
    """Beyond the limit no work is done: hashing raises ValueError, verifying says no."""
    stored = await hasher.hash("x" * 64)

    assert await hasher.verify(stored, "x" * 64)
    assert not await hasher.verify(stored, "x" * 65)
    with pytest.raises(ValueError, match="at most 64 characters") as error:
        await hasher.hash("secret" * 20)
    assert "secretsecret" not in str(error.value)


async def test_the_event_loop_stays_free() -> None:
    """The work runs in a thread of the hasher's own."""
    hasher = quick_hasher()
    threads: list[str] = []

    await hasher._in_thread(lambda: threads.append(threading.current_thread().name))

    assert [name for name in threads if name.startswith("password")] == threads != []
    hasher.close()


async def test_waiting_is_limited_and_places_come_back() -> None:
    """With all places taken the next one is refused; when they are free again it is served."""
    hasher = quick_hasher(threads=1, waiting_max=1)
    release, started = threading.Event(), threading.Event()

    def work() -> bool:
        started.set()
        return release.wait()

    held = [asyncio.ensure_future(hasher._in_thread(work)) for _ in range(2)]
    await asyncio.to_thread(started.wait)

    with pytest.raises(Unavailable, match="Too many passwords"):
        await hasher.hash("hunter2")
    release.set()
    assert [True, True] == await asyncio.gather(*held)
    assert await hasher.verify(await hasher.hash("hunter2"), "hunter2")
    hasher.close()


async def test_who_leaves_keeps_his_place_until_the_thread_is_done() -> None:
    """Cancelled requests cannot be used to queue up more work than the limit."""
    hasher = quick_hasher(threads=1, waiting_max=0)
    release, started = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        release.wait()

    left = asyncio.ensure_future(hasher._in_thread(work))
    await asyncio.to_thread(started.wait)
    left.cancel()
    await asyncio.wait([left])

    with pytest.raises(Unavailable):
        await hasher.hash("hunter2")
    release.set()
    hasher._executor.shutdown(wait=True)
    assert hasher._places.acquire(blocking=False), "given back by the thread"
