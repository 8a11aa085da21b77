"""`POST /v1/orders`, as Razorpay's libraries ask for it, beside `POST /api/v1/orders`."""

from __future__ import annotations

from statistics import median

from benchmarks import servers
from benchmarks.client import AiohttpClient
from benchmarks.load import CREDENTIALS, ORDER
from benchmarks.options import Options
from benchmarks.report import Row, Section

__all__ = ["run"]

_TARGET = 0.9
_OWN, _WIRE = "/api/v1/orders", "/v1/orders"
_ORDER = {name: value for name, value in ORDER.items() if name != "capture"}  # not Razorpay's word


async def run(options: Options) -> Section:
    """Both paths of one server in turn, each time the other one first; medians of the rounds."""
    rounds, seconds = (6, 1.0) if options.quick else (20, 2.0)
    rates: dict[str, list[float]] = {_OWN: [], _WIRE: []}
    costs: dict[str, list[float]] = {_OWN: [], _WIRE: []}
    async with (
        servers.gateway() as server,
        AiohttpClient(server.port, headers=CREDENTIALS) as client,
    ):
        for path in (_OWN, _WIRE):
            await client.repeat(path, _ORDER, seconds=1.0)
        for number in range(rounds):
            for path in (_OWN, _WIRE) if number % 2 else (_WIRE, _OWN):
                before = server.usage()
                taken = await client.repeat(path, _ORDER, seconds=seconds)
                used = server.usage().own_seconds - before.own_seconds
                rates[path].append(len(taken) / seconds)
                costs[path].append(used / len(taken) * 1e6)
    ratio = median(rates[_WIRE]) / median(rates[_OWN])
    return Section(
        name="razorpay",
        rows=[
            *(
                Row(
                    what=f"POST {path}",
                    measured=f"{median(rates[path]):,.0f}/s; process {median(costs[path]):.0f} µs",
                )
                for path in (_OWN, _WIRE)
            ),
            Row(what="ratio", measured=f"{ratio:.2f}", target=f"≥ {_TARGET}", met=ratio >= _TARGET),
        ],
        note=(
            f"Medians of {rounds} rounds of {seconds:g} s each on one server, the two paths in"
            " turn, 64 connections."
        ),
    )
