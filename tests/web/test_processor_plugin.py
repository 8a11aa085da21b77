"""The example of a processor plugin: it passes its own tests, and a gateway works with it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.settings import Settings
from tests.support import eventually
from tests.web.client import ApiClient

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "processor-plugin"
SECONDS_MAX = 120
CARD = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2039, "cvv": "737"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as pip installs it, without an index."""
    target = tmp_path_factory.mktemp("installed")
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--isolated", "--quiet")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *offline, "--target", target, EXAMPLE],
        check=True,
        timeout=SECONDS_MAX,
    )
    return target


@pytest.fixture
async def bank(installed: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """The example's own sandbox, named in the gateway's environment."""
    monkeypatch.syspath_prepend(installed)
    from acquirer_processor.sandbox import API_KEY, Bank  # noqa: PLC0415 - installed just now

    running = Bank()
    await running.start()
    monkeypatch.setenv("GATEWAY_ACQUIRER_URL", running.url)
    monkeypatch.setenv("GATEWAY_ACQUIRER_API_KEY", API_KEY)
    yield running
    await running.stop()


@pytest.fixture
async def gateway(bank: Any, settings: Settings) -> AsyncIterator[Gateway]:
    """Started where the package is installed."""
    running = Gateway(settings)
    await running.start()
    yield running
    await running.stop()


def test_the_example_passes_its_tests(installed: Path) -> None:
    """With the command of its README; what it does not claim is skipped, and nothing else."""
    command = "python -m unittest discover --start-directory tests --verbose"
    assert command in (EXAMPLE / "README.md").read_text()
    done = subprocess.run(
        [sys.executable, "-W", "error", *command.split()[1:]],
        cwd=EXAMPLE,
        env={**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    assert "test_many_calls_at_once" in done.stderr
    assert {
        "traits.stores_instruments is False",
        "traits.accepts_nonces is False",
        "challenged() gives none",
    } == set(re.findall(r"skipped '([^']+)'", done.stderr))


async def test_a_rule_leads_a_payment_to_the_plugin(api: ApiClient, bank: Any) -> None:
    """It is authorized there, captured and refunded; the bank's books say the same as ours."""
    rule = {"name": "Dollars", "currencies": ["USD"], "processors": ["acquirer"]}
    assert 201 == (await api.post("/routing-rules", rule)).status
    order = await api.order(currency="USD", capture="manual")
    payment = await api.captured(order_id=order["id"], method="card", card=CARD)
    refund = await api.post(f"/payments/{payment['id']}/refunds", {"amount": 20_000})
    assert 201 == refund.status, refund.body

    async def is_refunded() -> bool:
        found = (await api.get(f"/refunds/{refund.json['id']}")).json
        return found["status"] == "processed"

    assert await eventually(is_refunded, 10)
    entries = list(bank.entries.values())
    assert [
        ("authorize", 50_000, "USD", "approved"),
        ("capture", 50_000, "USD", "approved"),
        ("refund", 20_000, "USD", "approved"),
    ] == [(each.kind, each.amount, each.currency, each.status) for each in entries]
    assert [None, entries[0].id, entries[0].id] == [each.original for each in entries]
