"""The full path, from `POST /payments` to the webhook that says success, beside the floor."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from statistics import median

from benchmarks import servers
from benchmarks.client import AiohttpClient, Client, RawClient
from benchmarks.load import (
    CREDENTIALS,
    ORDER,
    WEBHOOK_SECRET,
    Followed,
    PaymentLoad,
    make_orders,
    subscribe,
)
from benchmarks.options import Options
from benchmarks.receiver import Receiver
from benchmarks.report import Row, Section
from benchmarks.servers import Server

__all__ = ["run"]

_TARGET = 0.5
_FAIR_FLOOR = 0.2
# As many as keep each of the three busy: with 64 connections they all waited for the load.
_WINDOW = 512
_CONNECTIONS = 128
# More than either has ever taken a second: the time is to be over before the orders are.
_ORDERS_PER_SECOND = {"floor": 4_000, "trial": 2_500, "gateway": 1_600}


class _Seen:
    """What the rounds of one server gave."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.last: Followed | None = None
        self.cost = ""
        self.lost = 0

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def text(self) -> str:
        described = self.last.describe() if self.last else ""
        return f"{self.rate:,.0f} payments/s; {described}; {self.cost}"


async def run(options: Options) -> Section:
    """The three in turn, each with a fresh data directory every round; medians."""
    rounds, seconds = (1, 10.0) if options.quick else (3, 20.0)
    floor, trial, gateway, bare_rates = _Seen(), _Seen(), _Seen(), []
    for _ in range(rounds):
        bare_rates.append(await _bare_rate())
        await _measure(_floor, seconds, floor)
        await _measure(_trial, seconds, trial)
        await _measure(_gateway, seconds, gateway)
    bare = median(bare_rates)
    fair, ratio = floor.rate / bare, gateway.rate / floor.rate
    return Section(
        name="payments",
        rows=[
            Row(what="bare, requests", measured=f"{bare:,.0f}/s"),
            Row(what="floor", measured=floor.text),
            Row(
                what="floor is fair: ratio to bare",
                measured=f"{fair:.2f}",
                target=f"≥ {_FAIR_FLOOR}",
                met=fair >= _FAIR_FLOOR,
            ),
            Row(what="trial: all rows, nothing else", measured=trial.text),
            Row(what="gateway", measured=gateway.text),
            Row(
                what="gateway: ratio to floor",
                measured=f"{ratio:.2f}",
                target=f"≥ {_TARGET}",
                met=ratio >= _TARGET and not gateway.lost,
            ),
            Row(what="gateway: ratio to trial", measured=f"{gateway.rate / trial.rate:.2f}"),
        ],
        note=(
            f"Medians of {rounds} rounds of {seconds:g} s each, in turn; latencies and costs of "
            f"the last one. At most {_WINDOW} payments are under way, on {_CONNECTIONS} "
            "connections: each webhook lets the next one in, so what waits cannot grow and the "
            "pace is what the server sustains."
        ),
    )


async def _bare_rate() -> float:
    async with (
        servers.bare() as server,
        AiohttpClient(server.port, headers=CREDENTIALS) as client,
    ):
        await client.repeat("/api/v1/orders", ORDER, seconds=0.5)
        return len(await client.repeat("/api/v1/orders", ORDER, seconds=3)) / 3


def _floor(receiver: Receiver) -> Server:
    return servers.floor(receiver.url, WEBHOOK_SECRET)


def _trial(receiver: Receiver) -> Server:
    return servers.trial(receiver.url, WEBHOOK_SECRET)


def _gateway(_receiver: Receiver) -> Server:
    return servers.gateway()


Maker = Callable[[Receiver], AbstractAsyncContextManager[Server]]


async def _measure(make: Maker, seconds: float, seen: _Seen) -> None:
    async with Receiver(WEBHOOK_SECRET) as receiver, make(receiver) as server:
        if server.name == "gateway":
            await subscribe(server.port, receiver)
        async with (
            RawClient(server.port, headers=CREDENTIALS) as maker,
            AiohttpClient(server.port, connections=_CONNECTIONS, headers=CREDENTIALS) as client,
        ):
            orders = await make_orders(maker, int(seconds * _ORDERS_PER_SECOND[server.name]))
            followed = await _sustain(server, client, receiver, orders, seconds, seen)
    if receiver.forged or receiver.repeated:
        raise RuntimeError(f"{server.name}: {receiver.forged} forged, {receiver.repeated} repeated")
    seen.lost += followed.lost
    seen.rates.append(followed.per_second)
    seen.last = followed


async def _sustain(
    server: Server,
    client: Client,
    receiver: Receiver,
    orders: list[str],
    seconds: float,
    seen: _Seen,
) -> Followed:
    load = PaymentLoad(client, receiver)
    before, begun = server.usage(), time.perf_counter()
    await load.keep(orders, window=_WINDOW, seconds=seconds)
    ended = time.perf_counter()
    await load.wait_for_all()
    # The first second fills the window.
    followed = load.summary(since=begun + 1, until=ended)
    seen.cost = server.usage().since(before, followed.accepted)
    return followed
