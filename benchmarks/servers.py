"""Servers under measurement: each in a process of its own, with a fresh data directory."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from benchmarks.client import fetch

__all__ = ["Server", "Usage", "bank", "bare", "bare_page", "floor", "gateway", "trial"]

_ROOT = Path(__file__).resolve().parents[1]
_READY_SECONDS_MAX = 60.0
_STOP_SECONDS_MAX = 30.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the server and its stores have used: seconds of processor time and MiB of memory."""

    own_seconds: float
    postgres_seconds: float
    redis_seconds: float
    own_mib: float
    redis_mib: float

    def since(self, before: Usage, count: int) -> str:
        """Processor time per each of `count` things done since, for people."""
        parts = (
            ("process", self.own_seconds - before.own_seconds),
            ("Postgres", self.postgres_seconds - before.postgres_seconds),
            ("Redis", self.redis_seconds - before.redis_seconds),
        )
        return ", ".join(
            f"{name} {seconds / count * 1e6:.0f} µs" for name, seconds in parts if seconds
        )


class Server:
    """A server process. Entered when it answers, gone with its stores and directory at the end."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        ready_path: str | None = None,
        data: Path | None = None,
    ) -> None:
        """One without `ready_path` prints its port first; `data` is kept when it is given."""
        self.name = name
        self._command = command
        self._environment = environment or {}
        self._ready_path = ready_path
        self._keeps_data = data is not None
        self._data = data
        self._process: asyncio.subprocess.Process | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the server
        self.port = 0
        self.ready_seconds = 0.0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Server:
        if self._data is None:
            self._data = Path(tempfile.mkdtemp(prefix="bench-"))
        begun = time.perf_counter()
        try:
            await self._start(self._data)
        except BaseException:
            await self._stop()
            raise
        self.ready_seconds = time.perf_counter() - begun
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def _start(self, data: Path) -> None:
        self.port = _free_port() if self._ready_path else 0
        environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "PYTHONPATH": str(_ROOT),
            "GATEWAY_DATA_DIR": str(data),
            "PORT": str(self.port),
            **self._environment,
        }
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=environment,
            stdout=self._log if self._ready_path else asyncio.subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        async with asyncio.timeout(_READY_SECONDS_MAX):
            await (self._wait_until_ready() if self._ready_path else self._read_port())

    async def _read_port(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line.strip().isdigit():
            raise RuntimeError(f"{self.name} did not start: {self.log_end()}")
        self.port = int(line)

    async def _wait_until_ready(self) -> None:
        assert self._process is not None
        while True:
            if self._process.returncode is not None:
                raise RuntimeError(f"{self.name} did not start: {self.log_end()}")
            try:
                answer = await fetch(self.port, str(self._ready_path))
            except OSError:
                pass
            else:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.01)

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(_STOP_SECONDS_MAX):
                    await process.wait()
            except TimeoutError:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if self._data is not None and not self._keeps_data:
            shutil.rmtree(self._data, ignore_errors=True)
        self._log.close()

    def log_end(self) -> str:
        """The last of what the server wrote."""
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - 3000))
        return self._log.read().decode("utf-8", "replace")

    def usage(self) -> Usage:
        """What it and the servers it has started have used up to now."""
        names = {child: _name(child) for child in _descendants(self.pid)}
        postgres = [pid for pid, name in names.items() if "postgres" in name]
        redis = [pid for pid, name in names.items() if "redis" in name]
        return Usage(
            own_seconds=_seconds(self.pid),
            postgres_seconds=sum(map(_seconds, postgres)),
            redis_seconds=sum(map(_seconds, redis)),
            own_mib=_resident_mib(self.pid),
            redis_mib=sum(map(_resident_mib, redis)),
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name; empty when the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _seconds(pid: int) -> float:
    """Its own processor time and that of its ended children."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / _TICKS if fields else 0.0


def _resident_mib(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * _PAGE_BYTES / 2**20


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    pending = [pid]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return found


def bare() -> Server:
    return Server("bare", [sys.executable, "-m", "benchmarks.bare"])


def bare_page() -> Server:
    return Server("bare page", [sys.executable, "-m", "benchmarks.bare_page"])


def bank() -> Server:
    """Answers as Authorize.Net does; `/silent` never."""
    return Server("bank", [sys.executable, "-m", "benchmarks.bank"])


def floor(webhook_url: str, secret: str) -> Server:
    """`secret` signs what goes to `webhook_url`."""
    return _reference("floor", webhook_url, secret)


def trial(webhook_url: str, secret: str) -> Server:
    """`secret` signs what goes to `webhook_url`."""
    return _reference("trial", webhook_url, secret)


def _reference(name: str, webhook_url: str, secret: str) -> Server:
    environment = {"REFERENCE_WEBHOOK_URL": webhook_url, "REFERENCE_WEBHOOK_SECRET": secret}
    return Server(name, [sys.executable, "-m", f"benchmarks.{name}"], environment)


def gateway(
    settings: Mapping[str, str] | None = None,
    *,
    data: Path | None = None,
    module: str = "gateway",
) -> Server:
    """The gateway in test mode; `settings` are environment variables.

    `module` is run in its place, and starts it in another way.
    """
    return Server(
        "gateway",
        [sys.executable, "-m", module, "serve"],
        {
            "TEST_MODE": "true",
            "TEST_PROCESSING_DELAY": "0",
            "GATEWAY_HOST": "127.0.0.1",
            **(settings or {}),
        },
        ready_path="/readyz",
        data=data,
    )
