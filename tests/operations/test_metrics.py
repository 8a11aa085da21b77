"""Metrics: what is counted, what a scrape looks up, and what it costs."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.domain.entities import Order, Payment
from gateway.domain.ids import new_unit_id
from gateway.domain.instruments import Instrument
from gateway.domain.work import Audit, Event, UnitOfWork
from gateway.metrics import Metrics
from gateway.security.vault import new_key
from tests.operations.processes import ROOT, GatewayProcess
from tests.support import eventually

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MICROSECONDS_MAX = 10.0  # the target is 2; a busy machine of a few cores has other things to do
UNITS = ("_total", "_seconds", "_units", "_bytes", "_info")
COUNTS = (  # gauges that count things, named after what they count
    "gateway_actor_alive", "gateway_actor_mailbox_length", "gateway_degraded",
    "gateway_live_entities", "gateway_jobs_waiting", "gateway_jobs_in_flight", "gateway_queue_up",
    "gateway_enqueuer_pending", "gateway_jobs_running", "gateway_sealed_cards_waiting",
    "gateway_database_connections", "gateway_live_streams", "gateway_books_differences",
    "gateway_notifications_waiting",
    "gateway_breakers",
)  # fmt: skip


def value(text: str, name: str, **labels: str) -> float | None:
    """A sample's value in an exposition; None when there is none."""
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    return None


def unit(*types: str, method: str = "upi", audit: str | None = None) -> UnitOfWork:
    """A unit of work that tells of these events about one payment."""
    merchant_id = uuid4()
    order = Order(
        id="order_1", merchant_id=merchant_id, mode="test", amount=100, currency="INR",
        capture="manual", version=2, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    payment = Payment(
        id="pay_1", order_id=order.id, merchant_id=merchant_id, mode="test", amount=100,
        currency="INR", instrument=Instrument(method=method), capture="manual",
        processor="simulator", created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    events = tuple(
        Event(
            id=f"evt_{number}",
            merchant_id=merchant_id,
            mode="test",
            type=type_,
            payment_id=payment.id,
            body=b"{}",
            created_at=NOW,
        )
        for number, type_ in enumerate(types)
    )
    audits = (
        (
            Audit(
                id=uuid4(),
                merchant_id=merchant_id,
                mode="test",
                actor="gateway",
                action=audit,
                subject_id=payment.id,
                created_at=NOW,
            ),
        )
        if audit
        else ()
    )
    return UnitOfWork(
        id=new_unit_id(), order=order, expected_version=1, updates=(payment,), events=events,
        audits=audits,
    )  # fmt: skip


async def exposed(metrics: Metrics) -> str:
    return (await metrics.exposition()).decode()


async def test_outcomes_of_payments_are_counted_once() -> None:
    """By method and status, by the events: a later change of the payment counts nothing."""
    metrics = Metrics()
    committed = metrics.observers.committed
    committed([unit("payment.created", "payment.pending")])
    committed([unit("payment.success"), unit("payment.failed", method="card")])
    committed([unit("payment.captured"), unit("refund.processed")])
    text = await exposed(metrics)

    assert 1 == value(text, "gateway_payments_accepted_total", method="upi", mode="test")
    assert 1 == value(text, "gateway_payments_total", method="upi", status="success")
    assert 1 == value(text, "gateway_payments_total", method="card", status="failed")
    assert 1 == value(text, "gateway_refunds_total", status="processed")
    assert 1 == value(text, "gateway_events_total", type="payment.captured")
    assert 5 == value(text, "gateway_units_committed_total")


async def test_late_approvals_are_counted() -> None:
    """Each of them is money that was moved against what the merchant was told: an alert."""
    metrics = Metrics()
    metrics.observers.committed([unit(audit="late_approval"), unit(audit="something.else")])

    assert 1 == value(await exposed(metrics), "gateway_late_approvals_total")


async def test_durations_are_counted_by_what_they_were_for() -> None:
    """Calls, jobs, deliveries and responses, each under its labels."""
    metrics = Metrics()
    observers = metrics.observers
    observers.processor_call("simulator", "charge", "Approved", 0.2)
    observers.job("payments", "Approved", 0.3)
    observers.delivery("success", 0.1)
    observers.request("/api/v1/orders/{id}", "GET", 200, 0.01)
    observers.request("unknown", "PROPFIND", 405, 0.01)
    observers.journal_batch(40, 0.002)
    text = await exposed(metrics)

    assert 0.2 == value(text, "gateway_processor_call_seconds_sum", verb="charge")
    assert 0.3 == value(text, "gateway_job_seconds_sum", kind="payments", outcome="Approved")
    assert 1 == value(text, "gateway_delivery_seconds_count", outcome="success")
    assert 1 == value(
        text, "gateway_http_response_seconds_count", route="/api/v1/orders/{id}", status="2xx"
    )
    assert 1 == value(text, "gateway_http_response_seconds_count", method="other", status="4xx")
    assert 40 == value(text, "gateway_journal_batch_units_sum")


async def test_what_callers_invent_cannot_fill_the_memory() -> None:
    """Beyond a thousand combinations of labels the rest goes under one name."""
    metrics = Metrics()
    for number in range(3_000):
        metrics.observers.request(f"/invented/{number}", "GET", 200, 0.01)
    text = await exposed(metrics)
    routes = set(re.findall(r'gateway_http_response_seconds_count\{.*route="([^"]+)"', text))

    assert 1_001 == len(routes)
    assert 2_000 == value(text, "gateway_http_response_seconds_count", route="other")


@pytest.mark.parametrize("name", ["processor_call", "job", "delivery", "request", "journal_batch"])
def test_an_observation_is_cheap(name: str) -> None:
    """It stands on the path of every payment."""
    arguments = {
        "processor_call": ("simulator", "charge", "Approved", 0.2),
        "job": ("payments", "Approved", 0.2),
        "delivery": ("success", 0.2),
        "request": ("/api/v1/payments", "POST", 201, 0.2),
        "journal_batch": (20, 0.2),
    }[name]
    observe = getattr(Metrics().observers, name)
    rounds = 2_000
    best = min(_seconds(observe, arguments, rounds) for _ in range(5))

    assert MICROSECONDS_MAX > best / rounds * 1e6


def _seconds(observe: object, arguments: tuple[object, ...], rounds: int) -> float:
    before = time.process_time()
    for _ in range(rounds):
        observe(*arguments)  # type: ignore[operator]
    return time.process_time() - before


async def test_nothing_to_look_at_is_no_error() -> None:
    """A scrape before the start has all families, without samples of a gateway."""
    text = await exposed(Metrics())

    assert "# TYPE gateway_jobs_waiting gauge" in text
    assert 0 == value(text, "gateway_queue_up")


async def test_names_follow_the_conventions() -> None:
    """Base units or counts, counters end in _total, and no label is an id."""
    families = list(text_string_to_metric_families(await exposed(Metrics())))
    ours = [family for family in families if family.name.startswith("gateway_")]

    assert ours
    for family in ours:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert name.endswith(UNITS) or name in COUNTS, name
        assert family.documentation.endswith(".")


async def test_the_page_lists_every_metric() -> None:
    """docs/metrics.md has a row for each family of ours, with its type and labels, no more."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = dict(re.findall(r"^\| `(gateway_\w+)` \| (\w+) \|", page, re.MULTILINE))
    families = {
        f"{family.name}_total" if family.type == "counter" else family.name: family.type
        for family in text_string_to_metric_families(await exposed(Metrics()))
        if family.name.startswith("gateway_")
    }

    assert families == rows


async def test_a_running_gateway_tells_of_itself(
    tmp_path: Path, database_url: str, redis_url: str, redis_prefix: str
) -> None:
    """A payment shows in outcomes, calls, jobs, batches, responses; the labels are documented."""
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "GATEWAY_REDIS_PREFIX": redis_prefix,
        "GATEWAY_ENCRYPTION_KEY": new_key(),
        "TEST_MODE": "true",
        "TEST_PROCESSING_DELAY": "10",
    }
    with GatewayProcess("serve", tmp_path, **settings) as gateway:
        await gateway.ready()
        payment = gateway.pay(method="upi", vpa="success@bank")
        await eventually(lambda: gateway.payment_status(payment["id"]) == "success")
        gateway.get("/nowhere/at/all")
        done = "gateway_job_seconds_count"
        await eventually(lambda: value(gateway.get("/metrics")[1], done, kind="payments"))
        text = gateway.get("/api/v1/metrics")[1]

    assert 1 == value(text, "gateway_payments_total", method="upi", status="success", mode="test")
    assert 1 == value(
        text, "gateway_processor_call_seconds_count", processor="simulator", outcome="Approved"
    )
    assert 1 == value(
        text, "gateway_breakers", processor="simulator", verb="authorize", state="closed"
    )
    assert 1 == value(text, "gateway_http_response_seconds_count", route="unknown", status="4xx")
    assert 1 == value(text, "gateway_live_entities", region="orders")
    assert 0 == value(text, "gateway_jobs_waiting", kind="payments")
    assert 1 == value(text, "gateway_queue_up")
    assert 1 == value(text, "gateway_actor_alive", actor="journal")
    assert 0 == value(text, "gateway_actor_restarts_total", actor="processors")
    assert (value(text, "process_resident_memory_bytes") or 0) > 10_000_000
    assert payment["id"] not in text
    assert documented_labels() >= used_labels(text)


def used_labels(text: str) -> set[tuple[str, str]]:
    """The metrics of ours with each of their labels."""
    return {
        (f"{family.name}_total" if family.type == "counter" else family.name, label)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for label in sample.labels
        if family.name.startswith("gateway_") and label != "le"
    }


def documented_labels() -> set[tuple[str, str]]:
    """The same, as docs/metrics.md has them."""
    page = (ROOT / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(gateway_\w+)` \| \w+ \|([^|]*)\|", page, re.MULTILINE)
    return {(name, label) for name, labels in rows for label in re.findall(r"`(\w+)`", labels)}
