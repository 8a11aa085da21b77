"""The operators' pages: health, dead letters, unknown outcomes, settings; for operators alone."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from gateway import __version__
from gateway.seeding import TEST_MERCHANT_ID
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.dashboard.people import Browser, People
from tests.support import eventually
from tests.web.client import ApiClient
from tests.webhooks.receivers import Receiver

PATH = "/dashboard/operators"
HOSTILE = "<script>alert(1)</script>"
PAGES = (PATH, f"{PATH}/dead-letters", f"{PATH}/unknown", f"{PATH}/settings")


@pytest.fixture
async def operator(people: People) -> Browser:
    """An operator, signed in."""
    return await people.signed_in("operator")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A merchant's server that takes everything."""
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


async def bury(pool: Pool, kind: str, subject_id: str, reason: str = HOSTILE) -> str:
    """The id of a new dead letter of the test merchant."""
    letter_id = uuid4()
    await pool.execute(
        "INSERT INTO dead_letters (id, kind, subject_id, merchant_id, mode, reason, created_at)"
        " VALUES ($1, $2, $3, $4, 'test', $5, now())",
        letter_id,
        kind,
        subject_id,
        TEST_MERCHANT_ID,
        reason,
    )
    return str(letter_id)


async def failed_delivery(api: ApiClient, owner: Browser, pool: Pool, url: str) -> tuple[str, str]:
    """A test delivery that has failed, and its endpoint."""
    endpoint_id = (await api.post("/webhook-endpoints", {"url": url})).json["id"]
    await owner.post(f"/dashboard/webhooks/endpoints/{endpoint_id}/test")
    query = "SELECT id FROM webhook_logs WHERE status = 'success' AND endpoint_id = $1"
    delivery_id = await eventually(lambda: pool.fetchval(query, endpoint_id))
    await pool.execute("UPDATE webhook_logs SET status = 'failed' WHERE id = $1", delivery_id)
    return str(delivery_id), endpoint_id


async def unknown_payment(api: ApiClient, pool: Pool) -> tuple[Any, str]:
    """A payment about which the bank has said nothing, and its operation's id."""
    order = (await api.post("/orders", {"amount": 50_000})).json
    payment = (
        await api.post(
            "/payments", {"order_id": order["id"], "method": "upi", "vpa": "timeout@bank"}
        )
    ).json
    query = "SELECT id FROM operations WHERE payment_id = $1 AND state = 'unknown'"
    operation_id = await eventually(lambda: pool.fetchval(query, payment["id"]))
    return payment, operation_id


async def test_operators_begin_here_and_see_the_tree(operator: Browser) -> None:
    """Every actor with its state, stores, queues, version; no merchant's pages."""
    home = await operator.get("/dashboard/account")
    page = await operator.get(PATH)
    actors = re.findall(r'data-test-id="actor" data-name="([^"]+)"', page.text)

    assert f'href="{PATH}"' in home.text
    assert 'href="/dashboard/transactions"' not in home.text
    assert {"root", "journal", "enqueuer", "orders", "processors", "webhooks", "recovery"} <= set(
        actors
    )
    assert __version__ == page.by_test_id("version")
    for part, word in (("database", "Connected"), ("redis", "Connected"), ("worker", "Running")):
        assert re.search(rf'part-{part}"><[^>]+>{word}<', page.text), part
    assert page.has("queues")
    assert "no-store" == page.headers["Cache-Control"]


async def test_circuit_breakers_are_shown(operator: Browser, api: ApiClient, pool: Pool) -> None:
    """By processor and operation, as soon as there was a call."""
    before = await operator.get(PATH)
    order = (await api.post("/orders", {"amount": 50_000})).json
    payment = (
        await api.post(
            "/payments", {"order_id": order["id"], "method": "upi", "vpa": "success@bank"}
        )
    ).json
    query = "SELECT id FROM payments WHERE id = $1 AND status = 'success'"
    await eventually(lambda: pool.fetchval(query, payment["id"]))
    after = await operator.get(PATH)

    shown = 'data-name="simulator authorize" data-state="closed"'
    assert ("No calls yet" in before.text, shown in before.text) == (True, False)
    assert shown in after.text


async def test_nobody_else_sees_or_does_any_of_it(people: People, pool: Pool) -> None:
    """Not even owners; they have no entry for it, either."""
    letter_id = await bury(pool, "webhook", str(uuid4()))
    for role in ("owner", "developer", "support", "read_only"):
        browser = await people.signed_in(role)

        for path in PAGES:
            assert 403 == (await browser.get(path)).status, (role, path)
        assert 403 == (await browser.post(f"{PATH}/dead-letters/{letter_id}/replay")).status
        assert 403 == (await browser.post(f"{PATH}/unknown/op_{'0' * 16}/resolve")).status
        assert f'href="{PATH}"' not in (await browser.get("/dashboard/account")).text


async def test_forms_need_their_token(operator: Browser, pool: Pool) -> None:
    """A forged one changes nothing."""
    letter_id = await bury(pool, "job", "op_0000000000000000")
    operator.csrf_token = "made up"

    assert 403 == (await operator.post(f"{PATH}/dead-letters/{letter_id}/replay")).status
    assert await pool.fetchval("SELECT resolved_at IS NULL FROM dead_letters")


async def test_a_dead_webhook_is_sent_again(
    operator: Browser, owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """The letter is done with; the merchant's trail says that an operator did it."""
    delivery_id, _ = await failed_delivery(api, owner, pool, receiver.url)
    letter_id = await bury(pool, "webhook", delivery_id)
    listed = await operator.get(f"{PATH}/dead-letters")
    done = await operator.post(f"{PATH}/dead-letters/{letter_id}/replay")
    await eventually(lambda: len(receiver.received) == 2)
    audit = await pool.fetchrow("SELECT * FROM audit_logs WHERE action = 'dead_letter.replayed'")

    assert delivery_id in listed.text
    assert HOSTILE not in listed.text
    assert (303, f"{PATH}/dead-letters") == (done.status, done.location)
    assert "No dead letters" in (await operator.get(f"{PATH}/dead-letters")).text
    assert (TEST_MERCHANT_ID, delivery_id) == (audit["merchant_id"], audit["subject_id"])
    assert audit["actor"].startswith("operator:")
    assert 404 == (await operator.post(f"{PATH}/dead-letters/{letter_id}/replay")).status


async def test_a_letter_to_a_closed_endpoint_stays(
    operator: Browser, owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """And the page says why."""
    delivery_id, endpoint_id = await failed_delivery(api, owner, pool, receiver.url)
    letter_id = await bury(pool, "webhook", delivery_id)
    await owner.post(f"/dashboard/webhooks/endpoints/{endpoint_id}/active", active="false")
    refused = await operator.post(f"{PATH}/dead-letters/{letter_id}/replay")

    assert 400 == refused.status
    assert "switched off or was deleted" in refused.text
    assert delivery_id in refused.text


async def test_a_dead_job_is_tried_again(operator: Browser, api: ApiClient, pool: Pool) -> None:
    """Its operation is queued; of one that has ended only the letter is done with."""
    _, operation_id = await unknown_payment(api, pool)
    open_, ended = (
        await bury(pool, "job", operation_id),
        await bury(pool, "job", "op_0000000000000000"),
    )
    again = await operator.post(f"{PATH}/dead-letters/{open_}/replay")
    queued = await pool.fetchval("SELECT enqueued_at FROM operations WHERE id = $1", operation_id)
    await operator.post(f"{PATH}/dead-letters/{ended}/replay")
    page = await operator.get(f"{PATH}/dead-letters")

    assert 303 == again.status
    assert queued is not None
    assert "Nothing is left to do for it." in page.text
    assert 0 == await pool.fetchval("SELECT count(*) FROM dead_letters WHERE resolved_at IS NULL")


async def test_letters_come_in_pages_and_kinds(
    operator: Browser, pool: Pool, settings: Settings
) -> None:
    """Each once, oldest first."""
    count = settings.dashboard_page_rows + 2
    made = [await bury(pool, "job", f"op_{number:016}") for number in range(count)]
    await bury(pool, "webhook", str(uuid4()))
    page, seen = await operator.get(f"{PATH}/dead-letters?kind=job"), []
    while True:
        seen += re.findall(r'data-letter-id="([^"]+)"', page.text)
        following = re.search(r'href="([^"]+)" data-test-id="next"', page.text)
        if following is None:
            break
        page = await operator.get(following[1].replace("&amp;", "&"))

    assert made == seen
    assert 200 == (await operator.get(f"{PATH}/dead-letters?kind=x&after=x")).status


async def test_an_unknown_outcome_is_resolved(
    operator: Browser, api: ApiClient, pool: Pool
) -> None:
    """As the command line does it: the running gateway goes on from there."""
    payment, operation_id = await unknown_payment(api, pool)
    reference = await pool.fetchval("SELECT reference FROM simulator_transactions")
    why = await pool.fetchval("SELECT reason FROM attempts WHERE operation_id = $1", operation_id)
    listed = await operator.get(f"{PATH}/unknown")
    done = await operator.post(
        f"{PATH}/unknown/{operation_id}/resolve",
        outcome="approved",
        reference=reference,
        reason="seen in its portal",
    )
    after = (await api.get(f"/payments/{payment['id']}")).json
    captured = await api.post(f"/payments/{payment['id']}/capture")
    again = await operator.post(
        f"{PATH}/unknown/{operation_id}/resolve", outcome="failed", reason="r"
    )
    audit = await pool.fetchrow("SELECT * FROM audit_logs WHERE action = 'operation.resolved'")

    assert operation_id in listed.text
    assert f'<dt>Because</dt><dd class="any">{why}</dd>' in listed.text
    assert 303 == done.status
    assert ("success", reference) == (after["status"], after["processor_reference"])
    assert 400 == again.status
    assert "is not unknown" in again.text
    assert captured.status in (200, 202)
    assert audit["actor"].startswith("operator:")
    assert "seen in its portal" == json.loads(audit["details"])["reason"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"outcome": "perhaps", "reason": "r"},
        {"outcome": "failed"},
        {"outcome": "approved", "reason": "r"},
        {"outcome": "failed", "reason": "r", "reference": "x"},
        {"outcome": "failed", "reason": "r" * 256},
    ],
)
async def test_what_is_missing_is_said(
    operator: Browser, api: ApiClient, pool: Pool, fields: dict[str, str]
) -> None:
    """Nothing is decided."""
    _, operation_id = await unknown_payment(api, pool)
    page = await operator.post(f"{PATH}/unknown/{operation_id}/resolve", **fields)

    assert 400 == page.status
    assert page.has("form-error")
    state = await pool.fetchval("SELECT state FROM operations WHERE id = $1", operation_id)
    assert "unknown" == state


async def test_an_operation_that_does_not_exist(operator: Browser) -> None:
    """Nor an id that is none."""
    for operation_id in ("op_0000000000000000", "nonsense", "%00"):
        path = f"{PATH}/unknown/{operation_id}/resolve"
        assert 404 == (await operator.post(path, outcome="failed", reason="r")).status


async def test_settings_are_shown_without_secrets(operator: Browser, settings: Settings) -> None:
    """As `gateway check` prints them."""
    page = await operator.get(f"{PATH}/settings")

    assert "GATEWAY_WEBHOOK_REPLAY_MAX" in page.text
    assert "(hidden)" in page.text
    for secret in (settings.encryption_key, settings.database_url, settings.redis_url):
        assert secret.get_secret_value() not in page.text
