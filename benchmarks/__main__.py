"""Measure this machine: `python -m benchmarks [name …] [--quick]`.

Prints a table for each benchmark and writes it into docs/performance.md. Without names all are run,
one after another: nothing else should run meanwhile. `actors.py` and `webhooks.py` beside this file
measure single parts and are run by themselves.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping

import uvloop

from benchmarks import (
    access,
    arrivals,
    memory,
    orders,
    pages,
    payments,
    processors,
    razorpay,
    slow_bank,
    startup,
)
from benchmarks.options import Options
from benchmarks.report import Section, print_section, write_section

BENCHMARKS: Mapping[str, Callable[[Options], Awaitable[Section]]] = {
    "orders": orders.run,
    "razorpay": razorpay.run,
    "access": access.run,
    "payments": payments.run,
    "arrivals": arrivals.run,
    "slow_bank": slow_bank.run,
    "processors": processors.run,
    "memory": memory.run,
    "startup": startup.run,
    "pages": pages.run,
}
_SECONDS_MAX = 3600


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md alone")
    parser.add_argument("--orders", type=int, default=200_000, help="that pass through (memory)")
    parser.add_argument("--rate", type=int, default=400, help="payments a second (arrivals)")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    count = 40_000 if arguments.quick else arguments.orders
    options = Options(quick=arguments.quick, orders=count, rate=arguments.rate)
    for name in arguments.names or BENCHMARKS:
        section = uvloop.run(_limited(BENCHMARKS[name](options)))
        print_section(section)
        if not arguments.no_write:
            write_section(section)


async def _limited(work: Awaitable[Section]) -> Section:
    async with asyncio.timeout(_SECONDS_MAX):
        return await work


if __name__ == "__main__":
    main()
