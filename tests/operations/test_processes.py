"""The gateway as a process: it starts, tells what is wrong, and ends as platforms expect."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.security.vault import new_key
from tests.operations.processes import (
    CREDENTIALS,
    ROOT,
    STOP_SECONDS_MAX,
    GatewayProcess,
    environment,
    free_port,
)
from tests.support import eventually

A_FEW_SECONDS = 5.0


@pytest.fixture
def served(database_url: str, redis_url: str, redis_prefix: str) -> dict[str, str]:
    """Settings of `serve` on stores that are there already, in test mode."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "GATEWAY_REDIS_PREFIX": redis_prefix,
        "GATEWAY_ENCRYPTION_KEY": new_key(),
        "GATEWAY_HOST": "127.0.0.1",
        "TEST_MODE": "true",
        "TEST_PROCESSING_DELAY": "50",
    }


@pytest.fixture
def listener() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        yield taken.getsockname()[1]


async def test_the_demo_starts_shows_and_stops(tmp_path: Path) -> None:
    """With nothing but a directory: ready, told where to look, exit status 0 on SIGTERM."""
    data = tmp_path / "data"
    with GatewayProcess("demo", tmp_path, GATEWAY_DATA_DIR=str(data)) as demo:
        await demo.ready()
        await eventually(lambda: "Ctrl-C stops it" in demo.output)
        assert "/dashboard    test@example.com / test-password" in demo.output
        status = demo.stop()

    assert 0 == status, demo.output
    for text in (
        *CREDENTIALS,
        f":{demo.port}/api/v1",
        f":{demo.port}/health",
        str(data),
    ):
        assert text in demo.output
    assert (data / "encryption.key").read_text().strip() not in demo.output


async def test_the_demo_leaves_other_databases_alone(tmp_path: Path) -> None:
    """Whoever has DATABASE_URL set for something else loses nothing by trying the gateway out."""
    settings = {
        "DATABASE_URL": "postgresql://gateway:hunter2@127.0.0.1:1/precious",
        "REDIS_URL": "redis://:hunter2@127.0.0.1:1/0",
        "GATEWAY_DATA_DIR": str(tmp_path / "data"),
    }
    with GatewayProcess("demo", tmp_path, **settings) as demo:
        await demo.ready()
        status = demo.stop(signal.SIGINT)

    assert 0 == status, demo.output
    assert "hunter2" not in demo.output


async def test_commands_work_beside_a_gateway_with_stores_of_its_own(tmp_path: Path) -> None:
    """They reach the running gateway's Postgres, and start it themselves when none runs."""
    settings = {"GATEWAY_DATA_DIR": str(tmp_path / "data")}

    def merchants() -> str:
        return subprocess.run(
            [sys.executable, "-m", "gateway", "merchant", "list"],
            cwd=tmp_path,
            env=environment(PYTHONPATH=str(ROOT), **settings),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout

    with GatewayProcess("demo", tmp_path, **settings) as demo:
        await demo.ready()
        beside = merchants()
        demo.stop()
    alone = merchants()

    assert "active    Test Merchant  test@example.com\n" in beside
    assert beside == alone


def test_the_demo_says_that_a_port_is_taken(tmp_path: Path, listener: int) -> None:
    """At once, in a sentence, and without making anything."""
    settings = {"PORT": str(listener), "GATEWAY_DATA_DIR": str(tmp_path / "data")}
    with GatewayProcess("demo", tmp_path, **settings) as demo:
        status = demo.process.wait(A_FEW_SECONDS * 2)

    assert 1 == status
    assert f"Port {listener} is taken" in demo.output
    assert "Traceback" not in demo.output
    assert not (tmp_path / "data").exists()


async def test_a_served_gateway_stops_in_time(tmp_path: Path, served: dict[str, str]) -> None:
    """Nothing under way: gone within a few seconds of SIGTERM, with status 0."""
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        before = time.monotonic()
        status = gateway.stop()
        taken = time.monotonic() - before

    assert 0 == status, gateway.output
    assert A_FEW_SECONDS > taken
    assert "gateway_stopped" == gateway.events()[-1]["event"]


async def test_work_under_way_gets_its_time_and_no_more(
    tmp_path: Path, served: dict[str, str]
) -> None:
    """A bank that takes a minute does not keep the platform waiting."""
    served |= {"TEST_PROCESSING_DELAY": "60000", "GATEWAY_SHUTDOWN_SECONDS": "1"}
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        payment = gateway.pay(method="upi", vpa="success@bank")
        await eventually(lambda: gateway.payment_status(payment["id"]) == "processing")
        before = time.monotonic()
        status = gateway.stop()
        taken = time.monotonic() - before

    assert 0 == status, gateway.output
    assert 1 + A_FEW_SECONDS > taken


async def test_who_waits_is_answered_at_the_stop(tmp_path: Path, served: dict[str, str]) -> None:
    """A capture that waits for its outcome gets 202 at once, and its connection is not reset."""
    served |= {"GATEWAY_TEST_CONTROLS": "true", "GATEWAY_SHUTDOWN_SECONDS": "20"}
    answers: list[int] = []
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        payment = gateway.pay(method="upi", vpa="success@bank")
        await eventually(lambda: gateway.payment_status(payment["id"]) == "success")
        fault = {"point": "processor.after_call", "action": "raise"}
        assert 300 > gateway.call("POST", "/api/v1/test/faults", fault)[0]
        path = f"/api/v1/payments/{payment['id']}/capture"
        waiting = threading.Thread(target=lambda: answers.append(gateway.call("POST", path, {})[0]))
        waiting.start()
        await eventually(lambda: 'outcome="error"' in gateway.get("/metrics")[1])
        before = time.monotonic()
        status = gateway.stop()
        waiting.join()

    assert 0 == status, gateway.output
    assert [202] == answers
    assert A_FEW_SECONDS > time.monotonic() - before


async def test_live_streams_end_at_the_stop(tmp_path: Path, served: dict[str, str]) -> None:
    """A page that follows a payment is told that it is over, and holds nobody up."""
    card = {"number": "4000000000003220", "expiry_month": 12, "expiry_year": 2035, "cvv": "123"}
    served |= {"GATEWAY_SHUTDOWN_SECONDS": "20"}
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        payment = gateway.pay(method="card", card=card)
        await eventually(lambda: gateway.payment_status(payment["id"]) == "requires_action")
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=40)
        connection.request("GET", f"/checkout/payments/{payment['id']}/events")
        stream = connection.getresponse()
        while not stream.readline().startswith(b"data: "):
            pass
        before = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        rest = stream.read()  # raises when the stream breaks off instead of ending
        status = gateway.process.wait(STOP_SECONDS_MAX)
        connection.close()

    assert 0 == status, gateway.output
    assert b"\n" == rest
    assert A_FEW_SECONDS > time.monotonic() - before


async def test_a_second_signal_ends_it_at_once(tmp_path: Path, served: dict[str, str]) -> None:
    """Whoever does not want to wait for the bank sends the signal again: status 128 + 15."""
    served |= {"TEST_PROCESSING_DELAY": "60000", "GATEWAY_SHUTDOWN_SECONDS": "60"}
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        payment = gateway.pay(method="upi", vpa="success@bank")
        await eventually(lambda: gateway.payment_status(payment["id"]) == "processing")
        gateway.process.send_signal(signal.SIGTERM)
        await eventually(lambda: "gateway_stops" in gateway.output)
        status = gateway.stop()

    assert 128 + signal.SIGTERM == status


async def test_a_signal_during_the_start_undoes_it(tmp_path: Path) -> None:
    """Stopped while its Postgres comes up: status 0, and the directory is free again."""
    data = tmp_path / "data"
    with GatewayProcess("demo", tmp_path, GATEWAY_DATA_DIR=str(data)) as demo:
        await eventually((data / "lock").exists, 20)
        status = demo.stop()

    assert 0 == status, demo.output
    assert "" == (data / "lock").read_text()


async def test_giving_up_ends_the_process(tmp_path: Path, served: dict[str, str]) -> None:
    """A root supervisor whose children fail too often: status 1, so that the platform restarts."""
    served |= {"GATEWAY_RESTARTS_MAX": "0", "GATEWAY_TEST_CONTROLS": "true"}
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        armed = gateway.call(
            "POST", "/api/v1/test/faults", {"point": "enqueuer.before_send", "action": "raise"}
        )
        gateway.pay(method="upi", vpa="success@bank")
        status = gateway.process.wait(A_FEW_SECONDS * 4)

    assert 300 > armed[0], armed
    assert 1 == status, gateway.output
    assert "gateway_gave_up" in [each["event"] for each in gateway.events()]


async def test_no_new_work_is_taken_while_draining(tmp_path: Path, served: dict[str, str]) -> None:
    """After SIGTERM new connections are refused, although work is still under way."""
    served |= {"TEST_PROCESSING_DELAY": "60000", "GATEWAY_SHUTDOWN_SECONDS": "10"}
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        payment = gateway.pay(method="upi", vpa="success@bank")
        await eventually(lambda: gateway.payment_status(payment["id"]) == "processing")
        gateway.process.send_signal(signal.SIGTERM)

        def refused() -> bool:
            try:
                return gateway.get("/livez")[0] == 503
            except (OSError, http.client.HTTPException):
                return True

        await eventually(refused)
        still_running = gateway.process.poll() is None
        gateway.stop()

    assert still_running


async def test_it_starts_without_redis(tmp_path: Path, served: dict[str, str]) -> None:
    """Payments are accepted, the parts that wait are named, and it stops as ever."""
    served |= {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        checks = gateway.get("/readyz")[1]["checks"]
        payment = gateway.pay(method="upi", vpa="success@bank")
        metrics = gateway.get("/metrics")[1]
        status = gateway.stop()

    assert ("ok", "degraded") == (checks["database"], checks["redis"])
    assert "pending" == payment["status"]
    assert "gateway_queue_up 0.0" in metrics
    assert 'gateway_degraded{part="enqueuer"} 1.0' in metrics
    assert 0 == status, gateway.output


async def test_unknown_settings_are_warned_of(tmp_path: Path, served: dict[str, str]) -> None:
    """`serve` runs all the same; the warning has the suggestion and no value."""
    served |= {"GATEWAY_LOG_LEVL": "hunter2", "GATEWAY_SERVICE_HOST": "10.0.0.1"}
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        gateway.stop()

    warnings = [each for each in gateway.events() if each["event"] == "setting_unknown"]
    assert [("GATEWAY_LOG_LEVL", "GATEWAY_LOG_LEVEL")] == [
        (each["name"], each["suggestion"]) for each in warnings
    ]
    assert "hunter2" not in gateway.output


async def test_secrets_come_from_files_and_are_never_told(
    tmp_path: Path, served: dict[str, str]
) -> None:
    """A gateway whose three secrets are in files runs, and none of them is in its output."""
    secrets = {}
    for name in ("DATABASE_URL", "REDIS_URL", "GATEWAY_ENCRYPTION_KEY"):
        secrets[name] = served.pop(name)
        (tmp_path / name).write_text(secrets[name] + "\n")
        served[f"{name}_FILE"] = str(tmp_path / name)
    with GatewayProcess("serve", tmp_path, GATEWAY_LOG_LEVEL="debug", **served) as gateway:
        await gateway.ready()
        payment = gateway.pay(
            method="card",
            card={
                "number": "4242424242424242",
                "expiry_month": "12",
                "expiry_year": "2031",
                "cvv": "737",
                "holder_name": "A B",
            },
        )
        await eventually(lambda: gateway.payment_status(payment["id"]) == "success")
        status = gateway.stop()

    assert 0 == status, gateway.output
    for hidden in (*secrets.values(), "4242424242424242", CREDENTIALS[1]):
        assert hidden not in gateway.output


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"PORT": "hunter2"}, "PORT: "),
        ({"GATEWAY_ENCRYPTION_KEY": ""}, "GATEWAY_ENCRYPTION_KEY is required"),
        ({"GATEWAY_ENCRYPTION_KEY": "hunter2"}, "GATEWAY_ENCRYPTION_KEY: "),
        ({"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}, "Postgres cannot be reached"),
        ({"DATABASE_URL_FILE": "/nowhere"}, "DATABASE_URL and DATABASE_URL_FILE"),
    ],
)
def test_what_keeps_it_from_starting_is_told(
    tmp_path: Path, served: dict[str, str], changes: dict[str, str], text: str
) -> None:
    """One sentence on the way out, status 1, and nothing of a secret."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "serve"],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT), PORT=str(free_port())) | served | changes,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert 1 == done.returncode
    assert f"Error: {text}" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


async def test_metrics_move_to_their_own_port(tmp_path: Path, served: dict[str, str]) -> None:
    """With GATEWAY_OPERATIONS_PORT the public port knows no metrics."""
    port = free_port()
    served |= {"GATEWAY_OPERATIONS_PORT": str(port)}
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        public = gateway.get("/metrics")[0]
        gateway.port = port
        moved = gateway.get("/metrics")
        gateway.stop()

    assert 404 == public
    assert 200 == moved[0]
    assert "gateway_payments_total" in moved[1]
