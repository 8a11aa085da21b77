"""A gateway in this process: started, watched, and stopped by a signal."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click
import structlog
import uvloop

from gateway.app import Gateway
from gateway.environment import unknown_variables
from gateway.logs import configure_logging, log_loop_exceptions
from gateway.metrics import Metrics
from gateway.processors.registry import discover
from gateway.seeding import TEST_EMAIL, TEST_KEY, TEST_PASSWORD, TEST_SECRET
from gateway.settings import Settings

__all__ = ["demo_banner", "run"]

logger = structlog.get_logger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Beyond GATEWAY_SHUTDOWN_SECONDS: our own Postgres may have to write out what it holds.
_STOP_MARGIN_SECONDS = 30.0
# With Python's own limits (700, 10, 10) the collector took a fifth of the processor's time under
# load and stopped everything for 250 ms at a time; with these 2 % and 50 ms.
_COLLECT_AFTER = (50_000, 20, 20)


def run(settings: Settings, *, ready: Callable[[str], None] | None = None) -> int:
    """Run a gateway until a signal ends it; the status to exit with.

    `ready` is told the address once requests are answered. Raises what a start can raise.
    """
    configure_logging(level=settings.log_level, format_=settings.log_format)
    for unknown in unknown_variables(Settings, discover().setting_names):
        logger.warning("setting_unknown", name=unknown.name, suggestion=unknown.suggestion)
    _require_free_ports(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, ready))


def demo_banner(settings: Settings, url: str) -> str:
    """Where to look, and with which credentials. They are public: test mode's own."""
    data = Path(settings.data_dir).resolve()
    return f"""
The gateway runs in test mode, on this machine only. Ctrl-C stops it.

  Dashboard    {url}/dashboard    {TEST_EMAIL} / {TEST_PASSWORD}
  API          {url}/api/v1    {TEST_KEY} / {TEST_SECRET}
  Reference    {url}/docs
  Health       {url}/health
  Metrics      {url}/metrics
  Bank         {url}/api/v1/test/bank/ledger
  Data         {data}

README.md shows what to ask it; examples/shop is a shop that takes payments with it.
"""


def _calm_collector() -> None:
    """Leave what was made at the start out of garbage collections, and have fewer of them.

    Nearly everything that a request makes goes with its last reference, long before one is due.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)


async def _serve(settings: Settings, ready: Callable[[str], None] | None) -> int:
    loop = asyncio.get_running_loop()
    log_loop_exceptions(loop)
    asked_to_stop = _on_signals(loop)
    metrics = Metrics()
    gateway = Gateway(settings, metrics=metrics)
    if not await _unless_stopped(gateway.start(), asked_to_stop):
        logger.info("gateway_stopped", phase="starting")
        return 0
    _calm_collector()
    logger.info("gateway_ready", port=gateway.port, test_mode=settings.test_mode)
    if ready is not None:
        ready(gateway.url)
    await _first_of(asked_to_stop, gateway.failed)
    gave_up = gateway.failed.done()
    if gave_up:
        logger.error("gateway_gave_up", exc_info=gateway.failed.result())
    _end_at_last(loop, settings.shutdown_seconds + _STOP_MARGIN_SECONDS)
    gateway.begin_draining()
    await gateway.stop()
    logger.info("gateway_stopped")
    return 1 if gave_up else 0


def _on_signals(loop: asyncio.AbstractEventLoop) -> asyncio.Future[signal.Signals]:
    """Done with the first signal. The second one ends the process at once."""
    first: asyncio.Future[signal.Signals] = loop.create_future()

    def received(number: signal.Signals) -> None:
        if first.done():
            logger.error("gateway_ends_at_once", signal=number.name)
            os._exit(128 + number)
        logger.info("gateway_stops", signal=number.name)
        first.set_result(number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, received, number)
    return first


async def _unless_stopped(
    start: Coroutine[Any, Any, None], asked_to_stop: asyncio.Future[signal.Signals]
) -> bool:
    """Whether the start came to its end; a signal cancels it, which undoes what was started."""
    task = asyncio.create_task(start, name="start")
    await _first_of(task, asked_to_stop)
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    if task.cancelled():
        return False
    task.result()
    return True


async def _first_of(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


def _end_at_last(loop: asyncio.AbstractEventLoop, seconds: float) -> None:
    """A stop that hangs must not keep the platform waiting for ever."""

    def end() -> None:
        logger.error("gateway_stop_hangs", seconds=seconds)
        os._exit(1)

    loop.call_later(seconds, end)


def _require_free_ports(settings: Settings) -> None:
    """Say so before anything is started when a port is taken. Raises click.ClickException."""
    wanted = {
        "PORT": settings.port,
        "DASHBOARD_PORT": settings.dashboard_port,
        "CHECKOUT_PORT": settings.checkout_port,
        "GATEWAY_OPERATIONS_PORT": settings.operations_port,
    }
    for name, port in wanted.items():
        problem = _bind_problem(settings.host, port) if port else None
        if problem == errno.EADDRINUSE:
            raise click.ClickException(
                f"Port {port} is taken: stop what listens there, or set {name} to another one"
            )
        if problem is not None:
            raise click.ClickException(
                f"Cannot listen on {settings.host}, port {port}: {os.strerror(problem)}"
            )


def _bind_problem(host: str, port: int) -> int | None:
    """The number of the error that listening there ends with; None when it works."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except socket.gaierror:
            return errno.EADDRNOTAVAIL
        except OSError as error:
            return error.errno
    return None
