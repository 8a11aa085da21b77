"""Clients of the Redis all tests share, and servers that a test may stop, freeze and empty."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from gateway.embedded.binaries import redis_binary
from gateway.queue.client import Keys, open_redis
from tests.support import eventually


class RedisServer:
    """A redis-server process of our own, on a Unix socket, with an append-only file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{directory}/redis.sock"

    def start(self) -> None:
        """Start, and return when the socket is there and the data is loaded."""
        command = [redis_binary(), "--port", "0", "--unixsocket", self._directory / "redis.sock"]
        options = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        place = ["--dir", self._directory, "--logfile", self._directory / "redis.log"]
        self._process = subprocess.Popen([*map(str, [*command, *place]), *options])
        deadline = time.monotonic() + 10
        while self._answer() != b"+PONG":
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.01)

    def _answer(self) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(self._directory / "redis.sock"))
                connection.sendall(b"PING\r\n")
                return connection.recv(100).strip()
            except OSError:
                return b""

    def freeze(self) -> None:
        """Let the server hang: connections open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the server go on where it hung."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the server as a shutdown does; may be called twice."""
        if self._process is not None:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGTERM)
            self._process.wait(timeout=10)
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own, to be stopped, frozen and emptied."""
    # Not pytest's directory: the path of a Unix socket has 107 characters at most.
    directory = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RedisServer(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def keys(redis_prefix: str) -> Keys:
    """Keys that no other test has."""
    return Keys(redis_prefix)


@pytest.fixture
async def opened() -> AsyncIterator[Callable[..., Redis]]:
    """Opens clients that are closed at the end."""
    clients = []

    def open_client(url: str, *, timeout_seconds: float = 5, connections_max: int = 8) -> Redis:
        client = open_redis(url, timeout_seconds=timeout_seconds, connections_max=connections_max)
        clients.append(client)
        return client

    yield open_client
    for client in clients:
        await client.aclose()


@pytest.fixture
async def redis(redis_url: str, opened: Callable[..., Redis]) -> Redis:
    """A client of the shared server."""
    return opened(redis_url)


@pytest.fixture
async def own_redis(server: RedisServer, opened: Callable[..., Redis]) -> Redis:
    """A client of the test's own server."""
    return opened(server.url)


@pytest.fixture
def until_blocked() -> Callable[[Redis], Awaitable[object]]:
    """Waits until somebody waits in a blocking read."""

    async def wait(redis: Redis) -> object:
        async def blocked() -> int:
            return (await redis.info("clients"))["blocked_clients"]

        return await eventually(blocked)

    return wait
