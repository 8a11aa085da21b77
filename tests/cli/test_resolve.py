"""`gateway resolve`: an operator's word, beside a running gateway."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from gateway.domain.entities import OrderState
from gateway.storage.orders import load_orders
from gateway.web import resolution
from tests.cli.conftest import Run
from tests.operations.processes import GatewayProcess
from tests.support import eventually


@pytest.fixture
def served(settings: dict[str, str]) -> dict[str, str]:
    """Settings of a gateway in test mode on the same stores as the commands."""
    return {
        **settings,
        "GATEWAY_HOST": "127.0.0.1",
        "TEST_MODE": "true",
        "TEST_PROCESSING_DELAY": "20",
    }


async def unknown_payment(gateway: GatewayProcess) -> dict[str, Any]:
    """A payment about which the bank has said nothing."""
    payment = gateway.pay(method="upi", vpa="timeout@bank")
    await eventually(lambda: gateway.payment_status(payment["id"]) == "unknown", 10)
    return payment


async def operation_of(run: Run, payment_id: str) -> str:
    """The operation's id as `resolve --list` shows it."""
    listed = await asyncio.to_thread(run, "resolve", "--list")
    [line] = [line for line in listed.output.splitlines() if payment_id in line]
    return line.split()[0]


async def fetch(settings: dict[str, str], statement: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(settings["DATABASE_URL"])
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()


async def test_an_approval_becomes_true_in_a_running_gateway(
    run: Run, settings: dict[str, str], served: dict[str, str], tmp_path: Path
) -> None:
    """The order's actor, which lives and knows an older version, goes on from the new one."""
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        payment = await unknown_payment(gateway)
        operation_id = await operation_of(run, payment["id"])
        [books] = await fetch(settings, "SELECT * FROM simulator_transactions")
        bank_reference = books["reference"]
        resolved = await asyncio.to_thread(
            run, "resolve", operation_id, "approved", "--reference", bank_reference,
            "--reason", "seen in the portal",
        )  # fmt: skip
        after = gateway.get(f"/api/v1/payments/{payment['id']}")[1]
        captured = gateway.call("POST", f"/api/v1/payments/{payment['id']}/capture", {})
        left = await asyncio.to_thread(run, "resolve", "--list")

    assert 0 == resolved.exit_code, resolved.output
    assert f"Operation {operation_id} is done" in resolved.output
    assert ("success", bank_reference) == (after["status"], after["processor_reference"])
    assert (200, True) == (captured[0], captured[1].get("captured")), captured
    assert "" == left.output
    [audit] = await fetch(settings, "SELECT * FROM audit_logs WHERE action = 'operation.resolved'")
    assert operation_id == audit["subject_id"]
    assert "seen in the portal" in audit["details"]


async def test_a_failure_becomes_true_in_a_running_gateway(
    run: Run, served: dict[str, str], tmp_path: Path
) -> None:
    """The order takes another payment afterwards."""
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        payment = await unknown_payment(gateway)
        operation_id = await operation_of(run, payment["id"])
        resolved = await asyncio.to_thread(
            run, "resolve", operation_id, "failed", "--reason", "the bank says no"
        )
        after = gateway.payment_status(payment["id"])
        again = gateway.call(
            "POST",
            "/api/v1/payments",
            {"order_id": payment["order_id"], "method": "upi", "vpa": "success@bank"},
        )

    assert 0 == resolved.exit_code, resolved.output
    assert "payment.failed" in resolved.output
    assert "failed" == after
    assert 201 == again[0], again


async def test_what_is_decided_cannot_be_resolved(
    run: Run, served: dict[str, str], tmp_path: Path
) -> None:
    """A second word about the same operation is refused and changes nothing."""
    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        payment = await unknown_payment(gateway)
        operation_id = await operation_of(run, payment["id"])
        words = ("resolve", operation_id, "failed", "--reason", "r")
        first = await asyncio.to_thread(run, *words)
        second = await asyncio.to_thread(run, *words)

    assert (0, 1) == (first.exit_code, second.exit_code)
    assert re.search(r"is not unknown: it is failed", second.output)


async def test_somebody_elses_write_in_between_is_seen(
    run: Run,
    settings: dict[str, str],
    served: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The order was changed after it was read: it is read and decided anew, nothing is lost."""
    reads = 0

    async def load(connection: Any, order_ids: Any) -> dict[str, OrderState]:
        nonlocal reads
        found = await load_orders(connection, order_ids)
        reads += 1
        if reads == 1:
            await fetch(settings, "UPDATE orders SET version = version + 1, notes = '{\"a\":1}'")
        return found

    with GatewayProcess("serve", tmp_path, **served) as gateway:
        await gateway.ready()
        payment = await unknown_payment(gateway)
        operation_id = await operation_of(run, payment["id"])
        monkeypatch.setattr(resolution, "load_orders", load)
        resolved = await asyncio.to_thread(run, "resolve", operation_id, "failed", "--reason", "r")
        after = gateway.payment_status(payment["id"])

    assert 0 == resolved.exit_code, resolved.output
    assert 2 == reads
    assert "failed" == after
    assert ['{"a":1}'] == [
        row["notes"] for row in await fetch(settings, "SELECT notes FROM orders")
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("op_1",),
        ("op_1", "approved", "--reason", "r"),
        ("op_1", "failed", "--reference", "x", "--reason", "r"),
        ("op_1", "failed"),
        ("op_1", "perhaps", "--reason", "r"),
    ],
)
def test_what_is_missing_is_told(
    run: Run, settings: dict[str, str], arguments: tuple[str, ...]
) -> None:
    """An approval needs the processor's reference, everything a reason."""
    assert 2 == run("resolve", *arguments).exit_code


def test_an_operation_that_does_not_exist_is_told(run: Run, settings: dict[str, str]) -> None:
    """One sentence and status 1."""
    result = run("resolve", "op_0000000000000000", "failed", "--reason", "r")

    assert (1, "Error: There is no such operation\n") == (result.exit_code, result.output)
