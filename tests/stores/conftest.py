"""Stores that one test may start, kill and damage as it likes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.embedded import DataDirectory, EmbeddedPostgres, EmbeddedRedis, EmbeddedStores
from tests.stores.debian import DebianStores

UNFLUSHED = {"fsync": "off"}  # a killed process loses nothing by it, only a machine would
HOLDER = Path(__file__).with_name("holder.py")


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A process that holds a data directory and runs its stores."""

    process: subprocess.Popen[str]
    report: dict[str, Any]

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """As the kernel does when memory runs out: it gets to do nothing more."""
        self.process.kill()
        self.process.wait()

    def finish(self) -> None:
        """Let it stop its stores and end."""
        self.process.communicate()


@pytest.fixture
async def open_stores(tmp_path: Path) -> AsyncIterator[Callable[..., EmbeddedStores]]:
    """Makes stores on a path, by default the same one each time; stopped after the test."""
    opened: list[EmbeddedStores] = []

    def make(
        path: Path = tmp_path / "data",
        *,
        settings: Mapping[str, str] = UNFLUSHED,
        **limits: float,
    ) -> EmbeddedStores:
        data = DataDirectory(path)
        opened.append(
            EmbeddedStores(
                data,
                postgres=EmbeddedPostgres(data, settings=settings, **limits),
                redis=EmbeddedRedis(data, **limits),
            )
        )
        return opened[-1]

    yield make
    for stores in opened:
        await stores.stop()


@pytest.fixture
def start_holder(tmp_path: Path) -> Iterator[Callable[..., Holder]]:
    """Starts the stores of a path in a process of their own, which says when they run."""
    holders: list[Holder] = []

    def start(path: Path = tmp_path / "data", *, command: tuple[str, ...] = ()) -> Holder:
        process = subprocess.Popen(
            [*command, sys.executable, str(HOLDER), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = process.stdout.readline()
        if not line:
            process.communicate()
            pytest.fail("the holder did not start its stores")
        holders.append(Holder(process=process, report=json.loads(line)))
        return holders[-1]

    yield start
    for holder in holders:
        if holder.process.poll() is None:
            holder.finish()
        for stream in (holder.process.stdin, holder.process.stdout):
            stream.close()


@pytest.fixture(scope="module")
def debian_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianStores]:
    """Debian's own Postgres and Redis, on TCP with TLS and passwords."""
    stores = DebianStores(tmp_path_factory.mktemp("debian"))
    yield stores
    stores.close()
