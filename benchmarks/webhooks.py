"""Deliveries a second, and microseconds of our process for each: `python benchmarks/webhooks.py`.

Real stores, receivers in processes of their own; what is measured is the deliverer's process alone
(claim, load, sign, post, record, acknowledge), with logs as in production. The journal's part is
not in it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog
import uvloop
from aiohttp import web

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gateway.domain.jobs import Job, JobKind
from gateway.queue.client import Keys
from gateway.storage.pool import open_pool
from tests.support import StoresForTests
from tests.webhooks.world import World

ROUNDS = 3


def receive(ports: Any) -> None:
    """A merchant's server that answers at once."""

    async def serve() -> None:
        async def handle(request: web.Request) -> web.Response:
            await request.read()
            return web.Response(text="ok")

        application = web.Application()
        application.router.add_post("/hook", handle)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ports.put(runner.addresses[0][1])
        await asyncio.Event().wait()

    uvloop.run(serve())


async def measure(stores: StoresForTests, port: int, endpoints: int, count: int) -> None:
    name = stores.create_database()
    pool = await open_pool(stores.database(name), size_min=4, size_max=10)
    url = f"http://127.0.0.1:{port}/hook"
    async with World(pool=pool, redis_url=stores.redis_url, keys=Keys("bench")) as world:
        made = [await world.endpoint(url) for _ in range(endpoints)]
        for _ in range(ROUNDS):
            jobs = [
                Job(JobKind.WEBHOOKS, endpoint.id, id_)
                for endpoint in made
                for id_ in await world.insert(endpoint, count // endpoints)
            ]
            await world.queue.add(jobs)
            began, began_processor = time.perf_counter(), time.process_time()
            await world.start()
            while not await world.nothing_left():  # noqa: ASYNC110 - what is waited for is in Redis
                await asyncio.sleep(0.05)
            seconds = time.perf_counter() - began
            each = (time.process_time() - began_processor) / count * 1e6
            print(f"{endpoints:4} endpoints  {count / seconds:6.0f}/s  {each:4.0f} µs each")
            await world.deliverer.stop()
    await pool.close()
    stores.drop_database(name)


def main() -> None:
    log = Path(os.devnull).open("w")  # noqa: SIM115 - for the whole run
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        logger_factory=structlog.WriteLoggerFactory(file=log),
        cache_logger_on_first_use=True,
    )
    ports: Any = multiprocessing.Queue()
    receiver = multiprocessing.Process(target=receive, args=(ports,), daemon=True)
    receiver.start()
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    stores = StoresForTests(directory / "data")
    try:
        port = ports.get()
        for endpoints in (1, 20):
            uvloop.run(measure(stores, port, endpoints, 4_000))
    finally:
        stores.close()
        receiver.terminate()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
