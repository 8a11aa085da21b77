"""Checkout and dashboard with a thousand payments and with a million, and what pages cost payments.

Each page is asked for again and again over one connection, as one person would; the reference is a
page of a bare aiohttp-jinja2 application that is as long. Then payments arrive while nobody looks
at pages, and while people do.
"""

from __future__ import annotations

import asyncio
import random
import re
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import asyncpg

from benchmarks import page_data, servers
from benchmarks.client import RawClient, percentile
from benchmarks.load import CREDENTIALS, make_orders, payment_of
from benchmarks.options import Options
from benchmarks.report import Row, Section
from benchmarks.servers import Server
from gateway.seeding import TEST_EMAIL, TEST_MERCHANT_ID, TEST_PASSWORD

__all__ = ["run"]

_SIZES = {1_000: 10, 1_000_000: 60}  # payments: milliseconds at p95
_RATIO_MAX = 4.0
_SLOWDOWN_MAX = 1.5
_PAYMENTS_PER_SECOND = 100
_PAGES_PER_SECOND = 10
_SETTINGS = {"GATEWAY_SUMMARY_SECONDS": "1"}
_SUMMED_SECONDS_MAX = 600.0
_SUMMED = "SELECT sum(entries) FROM sums WHERE kind = 'payment' AND minutes = 15"
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_ZONE = "Asia/Kolkata"  # half an hour past: days are cut within hours


@dataclass(frozen=True, slots=True)
class _Seen:
    """How long a page took, in milliseconds."""

    p50: float
    p95: float

    def __str__(self) -> str:
        return f"p50 {self.p50:.1f}, p95 {self.p95:.1f} ms"


async def run(options: Options) -> Section:
    """Each size beside the bare page; the payments with and without page load at the greatest."""
    count, seconds = (60, 10.0) if options.quick else (150, 15.0)
    sizes = [1_000] if options.quick else list(_SIZES)
    rows: list[Row] = []
    async with (
        servers.bare_page() as reference,
        aiohttp.ClientSession(f"http://127.0.0.1:{reference.port}") as bare,
    ):
        for size in sizes:
            async with _gateway(size) as (server, paths):
                async with _signed_in(server.port) as session:
                    for name, path in paths.items():
                        place = await _as_long(session, path, bare)
                        await _beside(session, path, bare, place, 10)
                        page, empty = await _beside(session, path, bare, place, count)
                        rows.append(_page_row(size, name, page, empty))
                if size == sizes[-1]:
                    rows += await _payments(server, list(paths.values()), seconds)
    return Section(
        name="pages",
        rows=rows,
        note=(
            f"{count} requests for each page over one connection, each followed by one for the "
            "bare page that is as long, so that both have the same neighbours; ten before that to "
            "warm up. The "
            f"data is that of {page_data.DAYS} days, made by `benchmarks/page_data.py`. Payments "
            f"arrive at {_PAYMENTS_PER_SECOND}/s (Poisson), {_PAGES_PER_SECOND} pages a second "
            f"beside them, {seconds:g} s each, in turn, twice; the better p99 of each counts."
        ),
    )


@asynccontextmanager
async def _gateway(size: int) -> AsyncIterator[tuple[Server, Mapping[str, str]]]:
    """A gateway whose test merchant has so many payments, and the pages to look at."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        data = Path(directory) / "data"
        async with servers.gateway(_SETTINGS, data=data) as server:
            async with RawClient(server.port, connections=1, headers=CREDENTIALS) as client:
                [order_id] = await make_orders(client, 1)
            payment_id = await _fill(data, size)
            yield server, _paths(order_id, payment_id)


async def _fill(data: Path, size: int) -> str:
    """Make the payments, wait until they are summed up; the id of one of them."""
    connection = await asyncpg.connect(
        f"postgresql://gateway@/gateway?host={data / 'run' / 'postgres'}&port=5432"
    )
    try:
        now = datetime.now(UTC)
        await page_data.fill(
            connection, merchant_id=TEST_MERCHANT_ID, mode="test", payments=size, until=now
        )
        ends_at = time.perf_counter() + _SUMMED_SECONDS_MAX
        while await connection.fetchval(_SUMMED) != size:
            if time.perf_counter() > ends_at:
                raise TimeoutError("the payments were not summed up")
            await asyncio.sleep(0.5)
        await connection.execute("VACUUM (ANALYZE)")
        return str(await connection.fetchval("SELECT id FROM payments ORDER BY id LIMIT 1"))
    finally:
        await connection.close()


def _paths(order_id: str, payment_id: str) -> Mapping[str, str]:
    return {
        "checkout": f"/checkout?order_id={order_id}",
        "overview, 30 days": "/dashboard",
        "overview, 90 days": "/dashboard?range=90d",
        "transactions": "/dashboard/transactions",
        "transactions, failed": "/dashboard/transactions?status=failed",
        "transactions, by e-mail": "/dashboard/transactions?q=shopper17@example.com",
        "one transaction": f"/dashboard/transactions/{payment_id}",
        "orders": "/dashboard/orders",
        "refunds": "/dashboard/refunds",
    }


@asynccontextmanager
async def _signed_in(port: int) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{port}",
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        headers={"Accept": "text/html"},
    ) as session:
        async with session.get("/login") as page:
            token = _TOKEN.search(await page.text())
        assert token is not None
        form = {"csrf_token": token[1], "email": TEST_EMAIL, "password": TEST_PASSWORD}
        async with session.post("/login", data=form, allow_redirects=False) as done:
            if done.status != 303:
                raise RuntimeError(f"not signed in: {done.status}")
        session.cookie_jar.update_cookies({"zone": _ZONE})
        yield session


async def _beside(
    session: aiohttp.ClientSession,
    path: str,
    bare: aiohttp.ClientSession,
    bare_path: str,
    count: int,
) -> tuple[_Seen, _Seen]:
    """The page and the bare one, asked for in turn."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(count):
        for times, asked, place in zip(taken, (session, bare), (path, bare_path), strict=True):
            begun = time.perf_counter()
            await _page(asked, place)
            times.append((time.perf_counter() - begun) * 1e3)
    page, empty = (_Seen(percentile(each, 50), percentile(each, 95)) for each in taken)
    return page, empty


async def _as_long(session: aiohttp.ClientSession, path: str, bare: aiohttp.ClientSession) -> str:
    """The bare page with as many rows as make it no longer than the page."""
    length, empty, full = [
        await _page(asked, place)
        for asked, place in ((session, path), (bare, "/0"), (bare, "/100"))
    ]
    return f"/{(length - empty) * 100 // (full - empty)}"


async def _page(session: aiohttp.ClientSession, path: str) -> int:
    """Ask for the page; how many bytes it has."""
    async with session.get(path) as answer:
        body = await answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        return len(body)


def _page_row(size: int, name: str, page: _Seen, bare: _Seen) -> Row:
    ratio = page.p95 / bare.p95
    return Row(
        what=f"{size:,} payments: {name}",
        measured=f"{page}; bare p95 {bare.p95:.1f} ms, {ratio:.1f} times that",
        target=f"≤ {_SIZES[size]} ms, ≤ {_RATIO_MAX:g} times bare",
        met=page.p95 <= _SIZES[size] and ratio <= _RATIO_MAX,
    )


async def _payments(server: Server, paths: Sequence[str], seconds: float) -> Sequence[Row]:
    """`POST /payments` alone and beside pages, in turn."""
    alone, beside = [], []
    for _ in range(2):
        alone.append(await _arrivals(server, seconds))
        looking = asyncio.create_task(_visit(server, paths))
        try:
            beside.append(await _arrivals(server, seconds))
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        if not looking.cancelled():
            raise RuntimeError("the pages ended early") from looking.exception()
    ratio = min(beside) / min(alone)
    return [
        Row(what="`POST /payments` p99, no pages", measured=f"{min(alone):.1f} ms"),
        Row(
            what=f"`POST /payments` p99, {_PAGES_PER_SECOND} pages/s",
            measured=f"{min(beside):.1f} ms; {ratio:.2f} times that",
            target=f"≤ {_SLOWDOWN_MAX:g} times",
            met=ratio <= _SLOWDOWN_MAX,
        ),
    ]


async def _arrivals(server: Server, seconds: float) -> float:
    """Payments at their moments; the p99 of their answers in milliseconds."""
    chance = random.Random(7)
    count = int(seconds * _PAYMENTS_PER_SECOND)
    taken: list[float] = []
    async with RawClient(server.port, connections=64, headers=CREDENTIALS) as client:
        orders = await make_orders(client, count)
        moment = time.perf_counter()

        async def one(order_id: str, due: float) -> None:
            await client.post("/api/v1/payments", payment_of(order_id))
            taken.append((time.perf_counter() - due) * 1e3)

        sent = []
        for order_id in orders:
            moment += chance.expovariate(_PAYMENTS_PER_SECOND)
            await asyncio.sleep(max(0.0, moment - time.perf_counter()))
            sent.append(asyncio.create_task(one(order_id, moment)))
        await asyncio.gather(*sent)
    return percentile(taken, 99)


async def _visit(server: Server, paths: Sequence[str]) -> None:
    """Look at the pages in turn, at a pace, until cancelled."""
    async with _signed_in(server.port) as session, asyncio.TaskGroup() as group:
        for number in range(1_000_000):
            group.create_task(_page(session, paths[number % len(paths)]))
            await asyncio.sleep(1 / _PAGES_PER_SECOND)
