"""`POST /orders`, durable, on 64 connections, beside the bare handler."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from benchmarks import servers
from benchmarks.client import AiohttpClient, Client, RawClient, percentile
from benchmarks.load import CREDENTIALS, ORDER
from benchmarks.options import Options
from benchmarks.report import Row, Section
from benchmarks.servers import Server

__all__ = ["run"]

_TARGET = 0.5
_CLIENTS: tuple[type[Client], ...] = (AiohttpClient, RawClient)


class _Seen:
    """What the rounds of one server with one client gave."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.p50: list[float] = []
        self.p99: list[float] = []
        self.cost = ""

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def text(self) -> str:
        return (
            f"{self.rate:,.0f}/s, p50 {median(self.p50):.1f} ms, p99 {median(self.p99):.1f} ms; "
            f"{self.cost}"
        )


async def run(options: Options) -> Section:
    """Reference and subject in turn, both clients; medians."""
    rounds, seconds = (2, 3.0) if options.quick else (5, 5.0)
    seen = {(name, client): _Seen() for name in ("bare", "gateway") for client in _CLIENTS}
    for _ in range(rounds):
        for client in _CLIENTS:
            for make in (servers.bare, servers.gateway):
                async with make() as server:
                    await _measure(server, client, 1.0, _Seen())
                    await _measure(server, client, seconds, seen[server.name, client])
    rows: list[Row] = []
    for client in _CLIENTS:
        reference, subject = seen["bare", client], seen["gateway", client]
        ratio = subject.rate / reference.rate
        rows += [
            Row(what=f"bare, {client.name} client", measured=reference.text),
            Row(what=f"gateway, {client.name} client", measured=subject.text),
            Row(
                what=f"ratio, {client.name} client",
                measured=f"{ratio:.2f}",
                target=f"≥ {_TARGET}" if client is AiohttpClient else "",
                met=ratio >= _TARGET if client is AiohttpClient else None,
            ),
        ]
    return Section(
        name="orders",
        rows=rows,
        note=(
            f"Medians of {rounds} rounds of {seconds:g} s each after one to warm up, each server "
            "alone in its turn, 64 connections."
        ),
    )


async def _measure(
    server: Server, make_client: Callable[..., Client], seconds: float, seen: _Seen
) -> None:
    async with make_client(server.port, headers=CREDENTIALS) as client:
        before = server.usage()
        taken = await client.repeat("/api/v1/orders", ORDER, seconds=seconds)
        seen.cost = server.usage().since(before, len(taken))
    seen.rates.append(len(taken) / seconds)
    seen.p50.append(percentile(taken, 50) * 1e3)
    seen.p99.append(percentile(taken, 99) * 1e3)
