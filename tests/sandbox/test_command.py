"""`gateway sandbox authorizenet`, and what docs/sandbox.md says of it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner

from gateway.cli.sandbox import authorizenet
from gateway.sandbox.authorizenet import Options, Sandbox
from gateway.sandbox.authorizenet.operations import OPERATIONS
from gateway.sandbox.authorizenet.schema import REQUESTS
from tests.sandbox.requests import captured, card
from tests.sandbox.server import started_sandbox

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sandbox.md").read_text()


async def test_it_runs_until_it_is_told_to_end(tmp_path):
    """It says where it listens, charges a card, writes no card number down, and ends on SIGTERM."""
    arguments = ("--login-id", "me", "--transaction-key", "mine", "--lenient", "--currency", "EUR")
    async with started_sandbox(tmp_path, *arguments) as sandbox:
        assert ("me", "mine") == (sandbox.login_id, sandbox.transaction_key)
        await captured(sandbox, currencyCode="EUR")
        response = await sandbox.transact(
            "authCaptureTransaction", payment=card(), currencyCode="USD", amount="1.00"
        )
        assert "39" == response["errors"][0]["errorCode"]

    assert "4111" not in (tmp_path / "sandbox.log").read_text()


def test_a_port_that_is_taken(tmp_path):
    """The command says so and ends."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "sandbox", "authorizenet", "--port", port],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert 1 == done.returncode
    assert "Error: Cannot listen there: Address already in use\n" == done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "70000"],
        ["--login-id", "x" * 26],
        ["--transaction-key", ""],
        ["--transactions-max", "-1"],
        ["--delivery-retry-seconds", "-0.1"],
    ],
)
def test_options_that_cannot_be(arguments):
    """Refused by name before anything is started."""
    done = CliRunner().invoke(authorizenet, arguments)

    assert 2 == done.exit_code
    assert arguments[0] in done.output


@pytest.mark.parametrize("name", ["port", "control_port"])
async def test_nothing_is_left_open_when_a_port_is_taken(name):
    """What had been opened is closed: warnings of it would fail the test."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Sandbox(Options(**{name: taken.getsockname()[1]}))

        with pytest.raises(OSError, match="in use"):
            await server.start()


def test_each_option_is_one_of_the_command():
    """With the same default, but for the port, which people want to know beforehand."""
    offered = {parameter.name: parameter.default for parameter in authorizenet.params}
    declared = {field.name: field.default for field in fields(Options)}

    assert declared.keys() == offered.keys()
    differing = {name for name in declared if declared[name] != offered[name]}
    assert {"port", "currencies"} == differing


def test_the_page_names_every_operation():
    """And no other."""
    listed = PAGE.split("## What it answers")[1].split("## ")[0]

    assert REQUESTS.keys() == OPERATIONS.keys()
    assert OPERATIONS.keys() == set(re.findall(r"`(\w+Request)`", listed))


def test_the_page_names_every_control():
    """Each path that tests can ask for, with its methods."""
    server = Sandbox()
    table = PAGE.split("\n## Control\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ((?:`\w+`, )*`[A-Z]+ )(/control/[\w/]+)", table, re.MULTILINE)
    told = {(method, path) for methods, path in rows for method in re.findall(r"[A-Z]+", methods)}

    assert told == {(route.method, route.path) for route in server._control.routes()}


async def test_the_examples_of_the_page_work(sandbox):
    """The charge is approved, the webhook registered, and the fault armed."""
    charge, webhook = re.findall(r"--data-binary '(.*?)'", PAGE, re.DOTALL)
    [fault] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)

    reply = await sandbox.post(charge.encode())
    armed = await sandbox.control.send("POST", "faults", json.loads(fault))
    credentials = aiohttp.encode_basic_auth(sandbox.login_id, sandbox.transaction_key)
    async with sandbox.session.post(
        f"{sandbox.url}/rest/v1/webhooks", data=webhook, headers={"Authorization": credentials}
    ) as response:
        assert 200 == response.status

    assert "1" == reply["transactionResponse"]["responseCode"]
    assert json.loads(fault) == armed["fault"]
