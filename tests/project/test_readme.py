"""The README's three terminals, typed as they stand there, against a real gateway."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 90
STOP_SECONDS_MAX = 30
EVENT_SECONDS_MAX = 20
EVENTS = ("payment.created", "payment.pending", "payment.success")


def terminals() -> list[str]:
    """The shell blocks of the section "Try it", in order."""
    section = (ROOT / "README.md").read_text().split("\n## Try it\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def started(*command: str, output: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is interrupted at the end, as by Ctrl-C, and must then be gone."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def eventually(condition: Callable[[], bool], within_seconds: float, explain: Path) -> None:
    """Wait for a condition of another process; `explain` holds that process' output."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, explain.read_text()
        time.sleep(0.05)


def is_ready(port: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def answers(output: str) -> list[Any]:
    """The JSON answers that curl wrote one after the other."""
    found, position = [], 0
    while position < len(output):
        answer, position = json.JSONDecoder().raw_decode(output, position)
        found.append(answer)
    return found


def test_the_first_terminal_is_the_demo() -> None:
    """`make run` is what the test below starts: `gateway demo`."""
    recipe = subprocess.run(
        ["make", "--dry-run", "--old-file", ".venv/.installed", "run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "make run\n" == terminals()[0]
    assert ".venv/bin/gateway demo" == recipe.stdout.strip().splitlines()[-1]


def test_the_readme_works_as_written(tmp_path: Path) -> None:
    """The payment of the README succeeds, and the receiver sees each event with a true signature.

    Only the ports are exchanged for free ones, and the simulated bank does not take its time.
    """
    gateway_port, receiver_port = str(free_port()), str(free_port())
    _, receiver, requests = (
        block.replace("8000", gateway_port).replace("9000", receiver_port) for block in terminals()
    )
    log, events = tmp_path / "gateway.log", tmp_path / "receiver.log"
    settings = {
        "PORT": gateway_port,
        "GATEWAY_DATA_DIR": str(tmp_path / "data"),
        "TEST_PROCESSING_DELAY": "100",
    }
    command = [sys.executable if part.startswith(".venv") else part for part in receiver.split()]
    with (
        started(sys.executable, "-m", "gateway", "demo", output=log, **settings) as gateway,
        started(*command, "--port", receiver_port, output=events),
    ):
        eventually(lambda: is_ready(gateway_port), START_SECONDS_MAX, log)
        eventually(lambda: "waiting for webhooks" in events.read_text(), EVENT_SECONDS_MAX, events)
        done = subprocess.run(
            ["sh", "-eu", "-c", requests], capture_output=True, text=True, check=True, timeout=60
        )
        eventually(
            lambda: all(f"{event} pay_" in events.read_text() for event in EVENTS),
            EVENT_SECONDS_MAX,
            events,
        )

    configured, payment = answers(done.stdout)

    assert f"http://127.0.0.1:{receiver_port}/" == configured["webhook_url"]
    assert ("success", 50000, False) == (payment["status"], payment["amount"], payment["captured"])
    assert "WRONG" not in events.read_text()
    assert 0 == gateway.returncode, log.read_text()


def test_the_thing_works_in_twenty_lines() -> None:
    """From nothing to a verified payment: no more than twenty lines to type."""
    lines = [line for block in terminals() for line in block.splitlines()]

    assert 20 >= len(lines)
