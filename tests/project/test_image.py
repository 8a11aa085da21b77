"""What can be known of the container image without an engine: its user, ports, files, health."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """The instructions of the last stage, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [(word, rest) for word, _, rest in (line.strip().partition(" ") for line in lines)]
    last = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return found[last:]


def instruction(name: str) -> str:
    (value,) = (rest for word, rest in instructions() if word == name)
    return value


@contextmanager
def livez(status: int) -> Iterator[int]:
    """A server that answers /livez with `status`; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/livez" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_the_image_runs_as_a_numeric_user() -> None:
    """A platform can see that the user is not root; Postgres finds a name for it."""

    assert "10001:10001" == instruction("USER")
    assert "useradd --uid 10001 --gid 10001" in instruction("RUN")


def test_the_image_writes_only_to_its_volume() -> None:
    """The stores and whatever asks for a home directory land in /data."""
    environment = dict(pair.split("=", 1) for pair in instruction("ENV").split())

    assert "/data" == instruction("VOLUME")
    assert ("/data", "/data") == (environment["GATEWAY_DATA_DIR"], environment["HOME"])


def test_the_image_serves() -> None:
    """Started without arguments it serves, in exec form, so that SIGTERM reaches the gateway."""

    assert ["gateway"] == json.loads(instruction("ENTRYPOINT"))
    assert ["serve"] == json.loads(instruction("CMD"))
    assert "8000" == instruction("EXPOSE")


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (404, False)])
def test_the_health_check_follows_livez(status: int, healthy: bool) -> None:
    """The image's own check, run here: healthy is 200 of /livez and nothing else."""
    _, _, command = instruction("HEALTHCHECK").partition("CMD ")
    words = [sys.executable, *json.loads(command)[1:]]
    with livez(status) as port:
        environment = {**os.environ, "PORT": str(port), "http_proxy": "http://127.0.0.1:1"}
        done = subprocess.run(words, env=environment, check=False, timeout=30)

    assert healthy == (0 == done.returncode)


def test_the_build_sees_all_that_the_wheel_needs() -> None:
    """.dockerignore lets pass what pyproject.toml puts into the wheel, and nothing amiss."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    passed = {line[1:] for line in lines if line.startswith("!")}
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"][
        "targets"
    ]["wheel"]
    needed = {*wheel["force-include"], *wheel["packages"], "LICENSE", "README.md", "pyproject.toml"}

    assert "*" == lines[0]
    assert set() == needed - passed
    assert [] == [name for name in passed if not (ROOT / name).exists()]
