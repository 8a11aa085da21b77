"""Dated versions: older ones are spoken by what changed since, from the newest back.

There is one version so far; the changes here are made up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import aiohttp
import pytest

from gateway.app import Gateway
from gateway.domain.versions import FIRST_VERSION, VersionChange, Versions
from gateway.settings import Settings
from gateway.web.application import make_application
from tests.web.client import ApiClient

SECOND, THIRD = "2027-03-01", "2027-06-01"


def _renamed(members: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {(new if name == old else name): value for name, value in members.items()}


def _receipt_forward(call: str, members: dict[str, Any]) -> dict[str, Any]:
    return _renamed(members, "reference", "receipt") if call == "POST /api/v1/orders" else members


def _receipt_back(kind: str, members: dict[str, Any]) -> dict[str, Any]:
    return _renamed(members, "receipt", "reference") if kind == "order" else members


MADE_UP = Versions(
    [
        VersionChange(
            version=SECOND,
            description="An order's reference is called receipt.",
            forward=_receipt_forward,
            back=_receipt_back,
        ),
        VersionChange(
            version=THIRD,
            description="A payment's bank_name is gone: it was its processor.",
            back=lambda kind, members: (
                {**members, "bank_name": members["processor"]} if kind == "pay" else members
            ),
        ),
    ]
)


@pytest.fixture
async def api(
    settings: Settings, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ApiClient]:
    """A gateway that has three versions; the test merchant is pinned to the first."""
    application = partial(make_application, versions=MADE_UP)
    monkeypatch.setattr("gateway.app.make_application", application)
    gateway = Gateway(settings)
    await gateway.start()
    yield ApiClient(session, f"http://127.0.0.1:{gateway.port}")
    await gateway.stop()


async def test_a_merchant_keeps_its_version(api: ApiClient) -> None:
    """Requests and answers, lists and repeats too, are those of the version it began with."""
    body = {"amount": 50_000, "reference": "R-1"}
    made = await api.post("/orders", body, key="one")
    order = made.json

    assert 201 == made.status
    assert ("R-1", False) == (order["reference"], "receipt" in order)
    assert order == (await api.get(f"/orders/{order['id']}")).json
    assert [order] == (await api.get("/orders")).json["data"]
    assert made.body == (await api.post("/orders", body, key="one")).body
    refused = await api.post("/orders", {"amount": 50_000, "receipt": 7})
    assert (400, "receipt") == (refused.status, refused.error["field"])
    payment = await api.payment(order["id"])
    assert payment["processor"] == payment["bank_name"]


async def test_a_request_may_ask_for_another(api: ApiClient) -> None:
    """By header: the second has its own name for the field, and the third's change on top."""
    second, third = {"Gateway-Version": SECOND}, {"Gateway-Version": THIRD}
    body = {"amount": 50_000, "receipt": "R-1"}
    order = (await api.post("/orders", body, headers=second)).json
    assert "R-1" == order["receipt"]
    refused = await api.post("/orders", {"amount": 1, "reference": "R"}, headers=second)
    assert {"amount", "reference"} == {
        each["field"] for each in refused.error["metadata"]["errors"]
    }

    assert "R-1" == (await api.get(f"/orders/{order['id']}")).json["reference"]
    payment = await api.payment(order["id"])
    path = f"/payments/{payment['id']}"
    assert "bank_name" in (await api.get(path, headers=second)).json
    assert "bank_name" not in (await api.get(path, headers=third)).json


async def test_unknown_versions_are_refused(api: ApiClient) -> None:
    """The field is the header, and the text names the versions that there are."""
    refused = await api.get("/orders", headers={"Gateway-Version": "2027-01-01"})

    assert (400, "Gateway-Version") == (refused.status, refused.error["field"])
    for version in (FIRST_VERSION, SECOND, THIRD):
        assert version in refused.error["description"]
