"""The example receiver tells true webhooks from forged ones, without the gateway's help."""

from __future__ import annotations

import ast
import hashlib
import hmac
import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "webhook_receiver.py"
SECRET = "whsec_test_abc123"
BODY = json.dumps(
    {
        "event": "payment.success",
        "timestamp": 1705315870,
        "data": {
            "payment": {"id": "pay_1234567890abcdef", "status": "success", "note": "₹", "vpa": None}
        },
    },
    ensure_ascii=False,
).encode()


class Running:
    """The example as a process, and its last line of output."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self._port = port

    def post(self, body: bytes, signature: str | None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        headers = {"webhook-id": "evt_1234567890abcdef"}
        if signature is not None:
            headers["X-Webhook-Signature"] = signature
        connection.request("POST", "/", body, headers)
        status = connection.getresponse().status
        connection.close()
        return status

    def line(self) -> str:
        assert self._process.stdout is not None

        return self._process.stdout.readline().strip()


@pytest.fixture
def receiver() -> Iterator[Running]:
    with subprocess.Popen(
        [sys.executable, str(EXAMPLE), "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        match = re.fullmatch(
            r"waiting for webhooks on http://127\.0\.0\.1:(\d+)/\n", process.stdout.readline()
        )
        assert match is not None
        yield Running(process, int(match[1]))
        process.terminate()


def sign(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_a_signed_event_is_printed(receiver: Running) -> None:
    """A true event is answered with 2xx and told in one line."""

    assert 204 == receiver.post(BODY, sign(BODY))
    assert "payment.success pay_1234567890abcdef success, signature ok" == receiver.line()


def test_an_event_that_comes_again_is_marked(receiver: Running) -> None:
    """Webhooks come at least once: the second of one id is accepted and marked."""
    receiver.post(BODY, sign(BODY))
    receiver.line()

    assert 204 == receiver.post(BODY, sign(BODY))
    assert receiver.line().endswith("signature ok (again)")


@pytest.mark.parametrize("signature", [None, "", "00", "ünlesbar", sign(BODY, "whsec_other")])
def test_a_forged_event_is_refused(receiver: Running, signature: str | None) -> None:
    """A wrong or missing signature gets 401, and the event is not shown."""

    assert 401 == receiver.post(BODY, signature)
    assert "signature WRONG, ignored" == receiver.line()


def test_the_example_needs_only_python() -> None:
    """It imports the standard library alone, so that it can be copied."""
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(EXAMPLE.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported <= sys.stdlib_module_names
