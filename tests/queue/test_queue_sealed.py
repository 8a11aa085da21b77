"""Sealed card data: never in plain sight, never lost with an outage, gone when it should be."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.queue.jobs import JobQueue
from gateway.queue.sealed import SealedCards, SealedStoreAway, SealedStoreFull
from gateway.queue.sealed_memory import SealedMemory, WaitingSecret
from gateway.security.vault import Vault, new_key

CARD = b'{"number":"4242424242424242","cvv":"123"}'


class MovableMonotonic:
    """A monotonic clock that tests move."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def monotonic():
    """A monotonic clock that the test moves."""
    return MovableMonotonic()


@pytest.fixture
def vault():
    """A vault with a key of its own."""
    return Vault([new_key()])


@pytest.fixture
async def cards(own_redis, keys, vault, monotonic):
    """A store on the test's own server, with room for three in memory."""
    cards = SealedCards(
        own_redis, keys, vault, probe_seconds=0.05, entries_max=3, monotonic=monotonic
    )
    yield cards
    await cards.aclose()


async def is_away(cards: SealedCards) -> None:
    """Make the store notice that Redis is away."""
    await cards.delete_many(["pay_notice"])
    assert not cards.up.is_set()


async def back(cards: SealedCards) -> None:
    await asyncio.wait_for(cards.up.wait(), 10)


async def test_what_is_put_comes_back_until_it_is_deleted(cards):
    """By payment; one that never had any has none."""
    await cards.put("pay_1", CARD)
    await cards.put_many({"pay_2": b"two", "pay_3": b""})

    assert CARD == await cards.get("pay_1")
    assert {"pay_1": CARD, "pay_2": b"two", "pay_3": b""} == await cards.get_many(
        ["pay_1", "pay_2", "pay_3", "pay_4"]
    )

    await cards.delete_many(["pay_1", "pay_4"])

    assert await cards.get("pay_1") is None
    assert b"two" == await cards.get("pay_2")


async def test_redis_holds_ciphertext_for_a_quarter_of_an_hour(cards, own_redis, keys):
    """Nothing of the card can be read there, and it goes by itself."""
    await cards.put("pay_1", CARD)

    stored = await own_redis.get(keys.sealed("pay_1"))

    assert b"4242" not in stored
    assert b"cvv" not in stored
    assert 890 < await own_redis.ttl(keys.sealed("pay_1")) <= 900


async def test_ciphertext_moved_to_another_payment_does_not_open(cards, own_redis, keys):
    """For its payment the data is lost, and nobody else's are affected."""
    await cards.put_many({"pay_1": CARD, "pay_2": b"two"})
    await own_redis.copy(keys.sealed("pay_1"), keys.sealed("pay_2"), replace=True)

    assert {"pay_1": CARD} == await cards.get_many(["pay_1", "pay_2"])


async def test_thousands_go_in_and_out(cards):
    """Batches of any size."""
    many = {f"pay_{n}": b"%d" % n for n in range(2000)}
    await cards.put_many(many)

    assert many == await cards.get_many(many)

    await cards.delete_many(many)

    assert {} == await cards.get_many(many)


async def test_a_hanging_redis_is_waited_for_once(cards, server):
    """The first call waits a quarter of a second, the next ones not at all; all can be read."""
    server.freeze()
    start = time.monotonic()
    await cards.put("pay_1", CARD)
    first = time.monotonic() - start
    start = time.monotonic()
    await cards.put("pay_2", CARD)
    found = await cards.get_many(["pay_1", "pay_2"])
    rest = time.monotonic() - start

    assert 0.2 < first < 1
    assert rest < 0.2
    assert {"pay_1": CARD, "pay_2": CARD} == found
    assert 2 == cards.waiting


async def test_what_waited_is_written_when_redis_is_back(cards, server, own_redis, keys):
    """After a hang: with what is left of its time, and gone from memory."""
    server.freeze()
    await cards.put("pay_1", CARD)
    server.thaw()
    await back(cards)

    assert 0 == cards.waiting
    assert 1 == await own_redis.exists(keys.sealed("pay_1"))
    assert CARD == await cards.get("pay_1")


async def test_what_waited_is_written_after_a_restart(cards, server, own_redis, keys, monotonic):
    """After an end and a start; ten minutes of its quarter of an hour had passed."""
    server.stop()
    await cards.put("pay_1", CARD)
    monotonic.seconds += 600
    server.start()
    await back(cards)

    assert CARD == await cards.get("pay_1")
    assert 290 < await own_redis.ttl(keys.sealed("pay_1")) <= 300


async def test_memory_forgets_after_a_quarter_of_an_hour(cards, server, monotonic):
    """By the monotonic clock, though Redis stays away."""
    server.stop()
    await cards.put("pay_1", CARD)
    monotonic.seconds += 899
    assert CARD == await cards.get("pay_1")
    monotonic.seconds += 2

    with pytest.raises(SealedStoreAway):
        await cards.get("pay_1")


async def test_whether_data_is_lost_is_not_said_while_redis_is_away(cards, server):
    """A payment must not fail for card data that is safe in Redis."""
    await cards.put("pay_1", CARD)
    server.freeze()

    with pytest.raises(SealedStoreAway):
        await cards.get("pay_1")
    with pytest.raises(SealedStoreAway):
        await cards.get_many(["pay_2"])

    server.thaw()
    await back(cards)
    assert CARD == await cards.get("pay_1")
    assert await cards.get("pay_2") is None


async def test_a_full_memory_refuses_and_names_what_it_refused(cards, server):
    """The ones that found room are kept; a deleted one makes room."""
    server.stop()
    with pytest.raises(SealedStoreFull) as raised:
        await cards.put_many({f"pay_{n}": CARD for n in range(5)})
    assert ("pay_3", "pay_4") == raised.value.refused
    assert CARD == await cards.get("pay_2")

    await cards.delete_many(["pay_0"])
    await cards.put("pay_3", CARD)

    with pytest.raises(SealedStoreFull):
        await cards.put("pay_4", CARD)


async def test_deleting_while_redis_is_away_deletes_when_it_is_back(cards, server):
    """Both what was in Redis before and what waited in memory."""
    await cards.put("pay_1", CARD)
    server.freeze()
    await cards.put("pay_2", CARD)
    await cards.delete_many(["pay_1", "pay_2"])
    assert await cards.get("pay_1") is None
    assert 0 == cards.waiting
    server.thaw()
    await back(cards)

    assert {} == await cards.get_many(["pay_1", "pay_2"])


async def test_data_put_again_after_a_deletion_stays(cards, server):
    """A deletion that is made up for later does not hit what came after it."""
    server.freeze()
    await is_away(cards)
    await cards.delete_many(["pay_1"])
    await cards.put("pay_1", CARD)
    server.thaw()
    await back(cards)

    assert CARD == await cards.get("pay_1")


async def test_data_deleted_while_it_is_being_written_goes(cards, server, own_redis, keys):
    """The deletion through the job queue and the write from memory may cross in any order."""
    server.stop()
    await cards.put("pay_1", CARD)
    server.start()
    flush = asyncio.create_task(cards.flush_memory())
    while not flush.done():
        cards.forget(["pay_1"])
        await JobQueue(own_redis, keys, "c").send(sealed_delete=["pay_1"])

    await back(cards)
    assert await cards.get("pay_1") is None
    assert 0 == await own_redis.exists(keys.sealed("pay_1"))


async def test_a_full_redis_counts_as_away_until_it_has_room(cards, own_redis):
    """With noeviction a full server answers and refuses writes."""
    await own_redis.config_set("maxmemory", "1")
    await cards.put("pay_1", CARD)
    assert 1 == cards.waiting
    await own_redis.config_set("maxmemory", "0")
    await back(cards)

    assert 0 == cards.waiting
    assert CARD == await cards.get("pay_1")


async def test_a_redis_that_refuses_unexpectedly_is_tried_again(cards, server, own_redis):
    """Probing goes on, so what waits is written as soon as Redis takes it."""
    await own_redis.execute_command("ACL", "SETUSER", "default", "-set", "-mget")
    server.freeze()
    await cards.put("pay_1", CARD)
    server.thaw()
    assert not await cards._is_back()
    assert 1 == cards.waiting
    await own_redis.execute_command("ACL", "SETUSER", "default", "+set", "+mget")
    await back(cards)

    assert CARD == await cards.get("pay_1")


async def test_an_emptied_redis_has_lost_the_data_and_says_so(cards, own_redis):
    """This is the one loss the gateway admits to."""
    await cards.put("pay_1", CARD)
    await own_redis.flushall()

    assert await cards.get("pay_1") is None


async def test_concurrent_calls_during_a_hang_wait_side_by_side(cards, server):
    """A hundred requests do not wait for one another's timeouts."""
    server.freeze()
    start = time.monotonic()
    results = await asyncio.gather(
        *(cards.put(f"pay_{n}", CARD) for n in range(100)), return_exceptions=True
    )

    assert time.monotonic() - start < 1
    assert 97 == sum(isinstance(result, SealedStoreFull) for result in results)
    assert 3 == cards.waiting


async def test_too_long_data_is_refused_before_anything_is_kept(cards):
    """What is kept has a limit in length, too."""
    with pytest.raises(ValueError, match="too long"):
        await cards.put_many({"pay_1": CARD, "pay_2": b"x" * 5000})

    assert await cards.get("pay_1") is None


async def test_nothing_of_a_card_shows(cards, server):
    """Not in representations, not in errors, not in memory."""
    server.stop()
    await cards.put_many({f"pay_{n}": CARD for n in range(3)})
    with pytest.raises(SealedStoreFull) as raised:
        await cards.put("pay_4", CARD)
    held = cards._memory.first(3)
    shown = [repr(cards), repr(cards._memory), repr(held), repr(raised.value), str(raised.value)]

    assert not any("4242" in text for text in shown)
    assert not any(b"4242" in entry.sealed for entry in held.values())
    assert "sealed" not in repr(WaitingSecret(b"secret", 0.0)).removeprefix("WaitingSecret")


async def test_closing_ends_the_probe(cards, server):
    """No task is left behind; closing twice is closing once."""
    server.stop()
    await cards.put("pay_1", CARD)
    await cards.aclose()
    await cards.aclose()

    assert not [task for task in asyncio.all_tasks() if task.get_name() == "sealed cards probe"]


def test_memory_gives_what_has_waited_longest_first():
    """In pieces, without what has expired."""
    monotonic = MovableMonotonic()
    memory = SealedMemory(entries_max=10, expire_seconds=10, monotonic=monotonic)
    for n in range(4):
        memory.put(f"pay_{n}", b"x")
        monotonic.seconds += 1
    memory.put("pay_0", b"y")
    monotonic.seconds += 7

    assert ["pay_2", "pay_3"] == list(memory.first(2))
    assert ["pay_2", "pay_3", "pay_0"] == list(memory.first(10))
    assert 2000 - 1000 == memory.milliseconds_left(memory.get("pay_2"))
