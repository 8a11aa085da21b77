"""`gateway check` asks Authorize.Net whether it takes the credentials."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from tests.cli.conftest import Run


class OfficialTest(BaseHTTPRequestHandler):
    """Takes one transaction key."""

    asked: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        document = json.loads(self.rfile.read(length))
        self.asked.append(document)
        authentication = document["authenticateTestRequest"]["merchantAuthentication"]
        right = {"name": "login", "transactionKey": "right"} == authentication
        code = "I00001" if right else "E00007"
        said = {"resultCode": "Ok" if right else "Error", "message": [{"code": code, "text": "."}]}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"\xef\xbb\xbf" + json.dumps({"messages": said}).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Nothing on the error stream."""


@pytest.fixture
def url() -> Iterator[str]:
    """An Authorize.Net on this machine."""
    OfficialTest.asked.clear()
    with HTTPServer(("127.0.0.1", 0), OfficialTest) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_credentials_that_are_taken(
    run: Run, settings: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One question, and a line that says so."""
    monkeypatch.setenv("GATEWAY_AUTHORIZENET_URL", url)
    monkeypatch.setenv("GATEWAY_AUTHORIZENET_API_LOGIN_ID", "login")
    monkeypatch.setenv("GATEWAY_AUTHORIZENET_TRANSACTION_KEY", "right")

    result = run("check")

    assert 0 == result.exit_code, result.output
    assert "ok       Processor authorizenet takes the credentials" in result.output
    assert 1 == len(OfficialTest.asked)


def test_credentials_that_are_refused(
    run: Run, settings: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A problem that shows no secret."""
    monkeypatch.setenv("GATEWAY_AUTHORIZENET_URL", url)
    monkeypatch.setenv("GATEWAY_AUTHORIZENET_API_LOGIN_ID", "login")
    monkeypatch.setenv("GATEWAY_AUTHORIZENET_TRANSACTION_KEY", "hunter2")

    result = run("check")

    assert 1 == result.exit_code
    assert "PROBLEM  Processor authorizenet: Authorize.Net does not take" in result.output
    assert "E00007" in result.output
    assert "hunter2" not in result.output


def test_nobody_who_answers(
    run: Run, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may answer when the gateway runs, so that is no problem yet."""
    monkeypatch.setenv("GATEWAY_AUTHORIZENET_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("GATEWAY_AUTHORIZENET_API_LOGIN_ID", "login")
    monkeypatch.setenv("GATEWAY_AUTHORIZENET_TRANSACTION_KEY", "right")

    result = run("check")

    assert 0 == result.exit_code, result.output
    assert "warning  Processor authorizenet could not be asked (NotSent" in result.output


def test_nothing_is_asked_without_credentials(
    run: Run, settings: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line says why."""
    monkeypatch.setenv("GATEWAY_AUTHORIZENET_URL", url)

    result = run("check")

    assert 0 == result.exit_code, result.output
    assert "ok       Processor authorizenet: the settings name no account" in result.output
    assert [] == OfficialTest.asked
