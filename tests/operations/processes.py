"""A gateway in a process of its own, as operators run it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

from tests.support import eventually

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
CREDENTIALS = ("key_test_abc123", "secret_test_xyz789")


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """Ours, without any setting of whoever runs the tests."""
    bare = ("DATABASE_URL", "REDIS_URL", "PORT", "TEST_", "WEBHOOK_", "GATEWAY_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(bare)}
    return {**kept, **settings}


class GatewayProcess:
    """`gateway <command>` with its output in a file; killed at the end if it still runs."""

    def __init__(self, command: str, directory: Path, **settings: str) -> None:
        self.port = int(settings.setdefault("PORT", str(free_port())))
        self.log = directory / f"{command}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", command],
                cwd=directory,
                env=environment(PYTHONPATH=str(ROOT), **settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> GatewayProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def output(self) -> str:
        """Everything it has said."""
        return self.log.read_text()

    def events(self) -> list[dict[str, Any]]:
        """The log lines that are JSON."""
        lines = [line for line in self.output.splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    async def ready(self) -> None:
        """Return once /readyz answers 200; fail when the process ends before."""

        def is_ready() -> bool:
            assert self.process.poll() is None, self.output
            try:
                return self.get("/readyz")[0] == 200
            except OSError:
                return False

        await eventually(is_ready, START_SECONDS_MAX)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal; the status it exits with."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS_MAX)

    def get(self, path: str) -> tuple[int, Any]:
        """The status and the body, parsed where it is JSON."""
        return self.call("GET", path)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """A request with the test merchant's credentials."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=40)
        pair = b64encode(":".join(CREDENTIALS).encode()).decode()
        headers = {"Authorization": f"Basic {pair}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(
                method, path, json.dumps(body) if body is not None else None, headers
            )
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        is_json = "json" in (response.getheader("Content-Type") or "")
        return response.status, json.loads(content) if is_json else content.decode()

    def pay(self, **instrument: Any) -> dict[str, Any]:
        """A payment for an order of its own."""
        status, order = self.call("POST", "/api/v1/orders", {"amount": 50_000, "currency": "INR"})
        assert status == 201, order
        status, payment = self.call(
            "POST", "/api/v1/payments", {"order_id": order["id"], **instrument}
        )
        assert status == 201, payment
        return payment

    def payment_status(self, payment_id: str) -> str:
        """The payment's status as the API tells it."""
        return str(self.get(f"/api/v1/payments/{payment_id}")[1]["status"])
