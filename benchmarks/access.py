"""What authentication, rate limits and idempotency take of `POST /orders`."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from benchmarks import servers
from benchmarks.client import RawClient
from benchmarks.load import CREDENTIALS, ORDER
from benchmarks.options import Options
from benchmarks.report import Row, Section
from benchmarks.servers import Server

__all__ = ["run"]

_PERCENT_MAX = 25.0
# Counted on every request, and never reached.
_LIMITS = {
    "GATEWAY_RATE_LIMIT_WRITE_KEY": "1000000/10",
    "GATEWAY_RATE_LIMIT_WRITE_ADDRESS": "1000000/10",
}


@dataclass(frozen=True, slots=True)
class _Variant:
    """One server with or without keys on the requests, and what its rounds gave."""

    name: str
    server: Server
    fresh_keys: bool
    rates: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    stores: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def row(self) -> Row:
        return Row(
            what=self.name,
            measured=(
                f"{self.rate:,.0f}/s; process {median(self.own):.0f} µs, "
                f"stores {median(self.stores):.0f} µs"
            ),
        )


async def run(options: Options) -> Section:
    """Two servers, one of them without limits and authentication, with and without keys."""
    rounds, seconds = (4, 1.0) if options.quick else (10, 2.0)
    async with (
        servers.gateway(module="benchmarks.unguarded") as unguarded,
        servers.gateway(_LIMITS) as guarded,
    ):
        off = _Variant("none of them", unguarded, fresh_keys=False)
        everything = _Variant("all of them", guarded, fresh_keys=True)
        variants = [
            off,
            _Variant("idempotency key", unguarded, fresh_keys=True),
            _Variant("authentication and limits", guarded, fresh_keys=False),
            everything,
        ]
        for variant in variants:
            await _measure(variant, 1.0)
            for seen in (variant.rates, variant.own, variant.stores):
                seen.clear()
        for number in range(rounds):
            for variant in variants if number % 2 else reversed(variants):
                await _measure(variant, seconds)
    percents = [
        (1 - on / without) * 100 for on, without in zip(everything.rates, off.rates, strict=True)
    ]
    percent = median(percents)
    own = (1 - median(off.own) / median(everything.own)) * 100
    return Section(
        name="access",
        rows=[
            *(variant.row for variant in variants),
            Row(
                what="share of the request's time",
                measured=f"{percent:.0f} % (rounds: {min(percents):.0f} to {max(percents):.0f} %)",
                target=f"≤ {_PERCENT_MAX:g} %",
                met=percent <= _PERCENT_MAX,
            ),
            Row(what="share of the process' time", measured=f"{own:.0f} %"),
        ],
        note=(
            f"Medians of {rounds} rounds of {seconds:g} s each, in turn, forwards and backwards; "
            "raw client, 64 connections. Without authentication means that the first request's "
            "caller is taken for everybody's; a key is new with each request; limits are counted "
            "by key and by address. The share is 1 - rate of all / rate of none, of the same "
            "round. Stores: processor time of Postgres and Redis together."
        ),
    )


async def _measure(variant: _Variant, seconds: float) -> None:
    server = variant.server
    async with RawClient(server.port, headers=CREDENTIALS, fresh_keys=variant.fresh_keys) as client:
        before = server.usage()
        taken = await client.repeat("/api/v1/orders", ORDER, seconds=seconds)
        after = server.usage()
    stores = after.postgres_seconds - before.postgres_seconds
    stores += after.redis_seconds - before.redis_seconds
    variant.rates.append(len(taken) / seconds)
    variant.own.append((after.own_seconds - before.own_seconds) / len(taken) * 1e6)
    variant.stores.append(stores / len(taken) * 1e6)
