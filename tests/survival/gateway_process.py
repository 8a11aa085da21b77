"""A real gateway in a process of its own, which tests kill, stop and start again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp

KEY_HEADERS = {"X-Api-Key": "key_test_abc123", "X-Api-Secret": "secret_test_xyz789"}
READY_SECONDS = 60


class GatewayProcess:
    """`gateway serve` with test controls, on a port the system gives it."""

    def __init__(self, log: Path, **environment: str) -> None:
        self.log = log
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **{name: value for name, value in os.environ.items() if not _is_ours(name)},
            "PORT": "0",
            "GATEWAY_HOST": "127.0.0.1",
            "TEST_MODE": "true",
            "TEST_PROCESSING_DELAY": "50",
            "GATEWAY_TEST_CONTROLS": "true",
            "GATEWAY_LOG_FORMAT": "json",
            # Leases end soon after the bank's answer would have come: recovery need not wait long.
            "GATEWAY_SIMULATOR_TIMEOUT_SECONDS": "2",
            "GATEWAY_LEASE_MARGIN_SECONDS": "2",
            "GATEWAY_RECOVERY_SECONDS": "2",
            "GATEWAY_TAKE_OVER_SECONDS": "4",
            **environment,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start it and wait until it says where it listens."""
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - a fork takes no time worth waiting
                [sys.executable, "-m", "gateway", "serve"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        async with asyncio.timeout(READY_SECONDS):
            while (port := self._listening_port(offset)) is None:
                assert self.is_running, self.log.read_text()[offset:][-4000:]
                await asyncio.sleep(0.02)
        self.port = port

    def _listening_port(self, offset: int) -> int | None:
        for line in self.log.read_bytes()[offset:].splitlines():
            if b'"listening"' in line:
                return int(json.loads(line)["port"])
        return None

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    async def terminate(self, within_seconds: float = 20) -> int:
        """Ask it to end; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return await self.exit_status(within_seconds)

    async def exit_status(self, within_seconds: float = 20) -> int:
        """Wait for its end."""
        process = self._process
        assert process is not None
        async with asyncio.timeout(within_seconds):
            return await asyncio.to_thread(process.wait)

    def log_lines(self, event: str) -> list[dict[str, Any]]:
        """The log's lines about one kind of event, of all incarnations."""
        lines = (line for line in self.log.read_bytes().splitlines() if line.startswith(b"{"))
        return [line for line in map(json.loads, lines) if line.get("event") == event]

    async def advance_clock(self, session: aiohttp.ClientSession, seconds: float) -> None:
        """Move the process' clock."""
        body = {"advance_seconds": seconds}
        async with session.post(f"{self.url}/api/v1/test/clock", json=body) as response:
            assert response.status == 200, await response.text()

    async def arm(
        self, session: aiohttp.ClientSession, point: str, action: str = "kill", after: int = 0
    ) -> None:
        """Arm a fault point."""
        body = {"point": point, "action": action, "after": after}
        async with session.post(f"{self.url}/api/v1/test/faults", json=body) as response:
            assert response.status == 200, await response.text()


def _is_ours(name: str) -> bool:
    return name.startswith(("GATEWAY_", "TEST_", "WEBHOOK_")) or name.endswith(("_URL", "PORT"))
