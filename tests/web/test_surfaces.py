"""Answers are made in one place, for this request and for its repeats."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest

from gateway.domain.entities import (
    Operation,
    OperationKind,
    OperationState,
    Order,
    OrderState,
    Payment,
    Purpose,
)
from gateway.domain.instruments import Instrument
from gateway.web import surfaces
from gateway.web.surfaces import Done, register_surface, render, render_done, still_running

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ORDER = Order(
    id="order_1",
    merchant_id=UUID(int=1),
    mode="test",
    amount=500,
    currency="INR",
    capture="manual",
    created_at=NOW,
    updated_at=NOW,
)
PAYMENT = Payment(
    id="pay_1",
    order_id="order_1",
    merchant_id=UUID(int=1),
    mode="test",
    amount=500,
    currency="INR",
    instrument=Instrument(method="upi", vpa="a@b"),
    capture="manual",
    processor="simulator",
    created_at=NOW,
    updated_at=NOW,
)
OPERATION = Operation(
    id="op_1",
    payment_id="pay_1",
    order_id="order_1",
    kind=OperationKind.CAPTURE,
    purpose=Purpose.CAPTURE,
    amount=500,
    state=OperationState.DONE,
    due_at=None,
    created_at=NOW,
    updated_at=NOW,
)


def state(operation: Operation) -> OrderState:
    return OrderState(order=ORDER, payments={"pay_1": PAYMENT}, operations={"op_1": operation})


@pytest.mark.parametrize(
    ("code", "status", "shown"),
    [
        ("PAYMENT_FAILED", 402, "PAYMENT_FAILED"),
        ("CARD_DECLINED", 402, "PAYMENT_FAILED"),
        ("GATEWAY_ERROR", 502, "GATEWAY_ERROR"),
    ],
)
def test_an_operation_that_failed(code: str, status: int, shown: str) -> None:
    """Declined is 402, surely not attempted 502; both name the payment and the request."""
    failed = replace(
        OPERATION, state=OperationState.FAILED, error_code=code, error_description="No"
    )
    answer = render("payment.captured req-7", state(failed), "op_1")
    content = orjson.loads(answer.body)

    assert (status, status) == (answer.status, content["status"])
    assert (shown, "No") == (content["error"]["code"], content["error"]["description"])
    assert {"payment_id": "pay_1", "order_id": "order_1"} == content["error"]["metadata"]
    assert "req-7" == content["request_id"]


def test_the_stored_answer_is_the_given_one() -> None:
    """What is kept for repeats and what is answered without a key are the same bytes."""
    done = Done(order=ORDER, payment=PAYMENT, operation=OPERATION)

    assert render("payment.captured r", state(OPERATION), "op_1") == render_done(
        "payment.captured r", done
    )
    assert 200 == render("order.cancelled r", state(OPERATION), "op_1").status
    assert 201 == render("order.created", state(OPERATION), "order_1").status
    assert 201 == render("payment.created", state(OPERATION), "pay_1").status


def test_a_wait_that_is_over() -> None:
    """202 while it is processing, 504 while nobody knows the outcome."""
    open_ = Done(
        order=ORDER, payment=PAYMENT, operation=replace(OPERATION, state=OperationState.OPEN)
    )
    unknown = Done(
        order=ORDER, payment=PAYMENT, operation=replace(OPERATION, state=OperationState.UNKNOWN)
    )

    assert 202 == still_running("payment.captured r", open_).status
    assert "pay_1" == orjson.loads(still_running("payment.captured r", open_).body)["id"]
    assert "order_1" == orjson.loads(still_running("order.cancelled r", open_).body)["id"]
    answer = still_running("payment.captured r", unknown)
    assert (504, "GATEWAY_ERROR") == (
        answer.status,
        orjson.loads(answer.body)["error"]["code"],
    )


def test_other_surfaces_are_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another wire format adds its own answers, under names that are free."""
    monkeypatch.setattr(surfaces, "_SURFACES", dict(surfaces._SURFACES))
    mine = surfaces._SURFACES["order.created"]
    register_surface("v1.order.created", mine)

    assert 201 == render("v1.order.created", state(OPERATION), "order_1").status
    with pytest.raises(ValueError, match="is there already"):
        register_surface("v1.order.created", surfaces._SURFACES["refund.created"])
    with pytest.raises(KeyError):
        render("nobody's", state(OPERATION), "order_1")
