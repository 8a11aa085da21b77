"""Routing rules over the API: made, ordered, explained, and followed by payments."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from gateway.app import Gateway
from gateway.domain.outcomes import Approved, FailedSurely
from gateway.processors.registry import Registry, discover
from gateway.settings import Settings
from tests.actors.process import ScriptedBank
from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

UPI = {"method": "upi", "vpa": "success@bank"}
CARD = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2039, "cvv": "123"}
AMEX = {"number": "378282246310005", "expiry_month": 12, "expiry_year": 2039, "cvv": "1234"}


@pytest.fixture
def banks() -> dict[str, ScriptedBank]:
    """Two processors besides the simulated bank."""
    return {
        "cards": ScriptedBank(name="cards", methods=frozenset({"card"})),
        "anything": ScriptedBank(name="anything", stores_instruments=True),
        "own": ScriptedBank(name="own", shared_account=False),
    }


@pytest.fixture
async def gateway(
    settings: Settings, banks: dict[str, ScriptedBank], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """A gateway that has found these processors, too."""

    def found() -> Registry:
        registry = discover()
        for bank in banks.values():
            registry.add(bank, "tests")
        return registry

    monkeypatch.setattr("gateway.app.discover", found)
    running = Gateway(settings)
    await running.start()
    yield running
    await running.stop()


async def made(api: ApiClient, *processors: str, **fields: Any) -> dict[str, Any]:
    """A new rule."""
    body = {"name": "A rule", "processors": list(processors), **fields}
    answer = await api.post("/routing-rules", body)
    assert 201 == answer.status, answer.body
    return answer.json


async def test_a_rule_is_made_read_changed_and_deleted(api: ApiClient) -> None:
    """What is not said fits everything; the trail names who did it."""
    rule = await made(
        api, "cards", "anything", currencies=["USD"], methods=["card"], amount_min=1_000
    )
    assert {
        "position": 1,
        "name": "A rule",
        "active": True,
        "currencies": ["USD"],
        "methods": ["card"],
        "card_networks": [],
        "amount_min": 1_000,
        "amount_max": None,
        "processors": ["cards", "anything"],
    }.items() <= rule.items()
    path = f"/routing-rules/{rule['id']}"
    changes = {"name": "Other", "amount_min": None, "active": False}
    changed = await api.call("PATCH", path, changes)

    assert (200, {**rule, **changes, "updated_at": changed.json["updated_at"]}) == (
        changed.status,
        changed.json,
    )
    assert changed.json == (await api.get(path)).json
    assert [changed.json] == (await api.get("/routing-rules")).json["data"]
    deleted = await api.call("DELETE", path)
    assert (200, {"id": rule["id"], "deleted": True}) == (deleted.status, deleted.json)
    assert [404, 404, 404] == [
        (await api.get(path)).status,
        (await api.call("PATCH", path, changes)).status,
        (await api.call("DELETE", path)).status,
    ]


async def test_every_change_leaves_a_line(api: ApiClient, administrator: Administrator) -> None:
    """In the merchant's trail, with the key that did it."""
    first, second = await made(api, "cards"), await made(api, "anything")
    await api.call("PATCH", f"/routing-rules/{first['id']}", {"active": False})
    await api.call("PUT", "/routing-rules/order", {"ids": [second["id"], first["id"]]})
    await api.call("DELETE", f"/routing-rules/{first['id']}")
    rows = await administrator.pool.fetch(
        "SELECT actor, action, subject_id FROM audit_logs WHERE action LIKE 'routing%'"
        " ORDER BY created_at"
    )

    assert [
        ("routing_rule.created", first["id"]),
        ("routing_rule.created", second["id"]),
        ("routing_rule.changed", first["id"]),
        ("routing_rules.ordered", None),
        ("routing_rule.deleted", first["id"]),
    ] == [(row["action"], row["subject_id"]) for row in rows]
    assert {api.credentials["X-Api-Key"]} == {row["actor"] for row in rows}


async def test_rules_are_put_in_order(api: ApiClient) -> None:
    """All of them at once; what is deleted leaves no gap; nothing is half done."""
    ids = [(await made(api, "cards", name=name))["id"] for name in ("a", "b", "c")]
    order = [ids[2], ids[0], ids[1]]
    ordered = await api.call("PUT", "/routing-rules/order", {"ids": order})

    assert (200, [(1, "c"), (2, "a"), (3, "b")]) == (
        ordered.status,
        [(each["position"], each["name"]) for each in ordered.json["data"]],
    )
    for wrong in (order[:2], [*order, order[0]], [*order[:2], "rule_0000000000000000"]):
        refused = await api.call("PUT", "/routing-rules/order", {"ids": wrong})
        assert (400, "ids") == (refused.status, refused.error["field"])
    await api.call("DELETE", f"/routing-rules/{order[0]}")
    left = (await api.get("/routing-rules")).json["data"]
    assert [(1, "a"), (2, "b")] == [(each["position"], each["name"]) for each in left]
    assert 3 == (await made(api, "cards"))["position"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"processors": []}, "processors"),
        ({"processors": ["nobody"]}, "processors"),
        ({"amount_min": 5}, "amount_min"),
        ({"amount_max": 0}, "amount_max"),
        ({"currencies": ["EURO"]}, "currencies.0"),
        ({"methods": ["cash"]}, "methods.0"),
        ({"card_networks": ["maestro"]}, "card_networks.0"),
        ({"card_networks": ["visa"], "methods": ["upi"]}, "card_networks"),
        ({"name": ""}, "name"),
        ({"position": 1}, "position"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(
    api: ApiClient, fields: dict[str, Any], field: str
) -> None:
    """The field at fault is named, and nothing is written."""
    body = {"name": "A rule", "processors": ["cards"], **fields}
    refused = await api.post("/routing-rules", body)

    assert (400, field) == (refused.status, refused.error["field"])
    assert 0 == (await api.get("/routing-rules")).json["total"]


async def test_a_change_is_checked_with_what_stays(api: ApiClient) -> None:
    """A limit that made sense for one currency makes none for two."""
    rule = await made(api, "cards", currencies=["USD"], amount_min=5)
    path = f"/routing-rules/{rule['id']}"
    refused = await api.call("PATCH", path, {"currencies": ["USD", "INR"]})
    nothing = await api.call("PATCH", path, {})

    assert (400, "amount_min") == (refused.status, refused.error["field"])
    assert (400, "There is nothing to change") == (nothing.status, nothing.error["description"])
    assert rule == (await api.get(path)).json


async def test_live_keys_cannot_name_the_simulated_bank(
    administrator: Administrator, client_for: Callable[..., ApiClient]
) -> None:
    """Its money does not exist; live payments follow live rules alone."""
    key = await administrator.key(await administrator.merchant(), mode="live")
    live = client_for(key.key, key.secret)
    refused = await live.post("/routing-rules", {"name": "All", "processors": ["simulator"]})
    order = await live.order()
    unrouted = await live.post("/payments", {"order_id": order["id"], **UPI})
    await made(live, "anything")

    assert "simulator takes no live payments" == refused.error["description"]
    assert (400, "No processor configured") == (unrouted.status, unrouted.error["description"])
    assert "anything" == (await live.payment(order["id"]))["processor"]


class TestLimits:
    """With room for two rules."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"routing_rules_max": 2})

    async def test_a_merchant_has_so_many_rules(self, api: ApiClient) -> None:
        """One more is refused."""
        for _ in range(2):
            await made(api, "cards")
        refused = await api.post("/routing-rules", {"name": "A rule", "processors": ["cards"]})

        assert (400, "There may be at most 2 routing rules") == (
            refused.status,
            refused.error["description"],
        )


async def test_payments_follow_the_rules(
    api: ApiClient, administrator: Administrator, banks: dict[str, ScriptedBank]
) -> None:
    """The first processor is the payment's, the others are its reserve."""
    await made(api, "cards", "anything", card_networks=["amex"])
    await made(api, "anything", methods=["card"])
    routed = {
        "amex": await api.payment(method="card", card=AMEX),
        "visa": await api.payment(method="card", card=CARD),
        "upi": await api.payment(),
    }
    processors = {name: payment["processor"] for name, payment in routed.items()}
    rows = await administrator.pool.fetch("SELECT id, route FROM payments")
    routes = {row["id"]: row["route"] for row in rows}

    assert {"amex": "cards", "visa": "anything", "upi": "simulator"} == processors
    assert {"amex": ["anything"], "visa": [], "upi": []} == {
        name: routes[payment["id"]] for name, payment in routed.items()
    }
    settled = await api.settled(routed["amex"]["id"])
    assert "success" == settled["status"]
    assert ["authorize"] == banks["cards"].verbs


async def test_a_merchant_sees_who_has_the_payment(
    api: ApiClient, banks: dict[str, ScriptedBank]
) -> None:
    """The one that took it after another could not be reached, also in a synchronous answer."""
    await made(api, "cards", "anything", "simulator")
    banks["cards"].answers.extend([FailedSurely(reason="connection_refused")] * 2)
    moved = await api.settled((await api.payment(method="card", card=CARD))["id"])
    body = {"amount": 50_000, "currency": "INR", "method": "card", "card": CARD}
    purchase = await api.post("/payments/purchase", body)

    assert ("success", "anything") == (moved["status"], moved["processor"])
    assert (200, "anything", True) == (
        purchase.status,
        purchase.json["processor"],
        purchase.json["captured"],
    )


async def test_captures_and_refunds_stay_with_the_processor(
    api: ApiClient, banks: dict[str, ScriptedBank]
) -> None:
    """Also when the rules have changed since."""
    rule = await made(api, "anything")
    payment = await api.authorized()
    await api.call("DELETE", f"/routing-rules/{rule['id']}")
    await made(api, "cards")
    captured = await api.post(f"/payments/{payment['id']}/capture")
    refund = (await api.post(f"/payments/{payment['id']}/refunds")).json

    async def processed() -> bool:
        return (await api.get(f"/refunds/{refund['id']}")).json["status"] == "processed"

    await eventually(processed)
    assert (200, "anything") == (captured.status, captured.json["processor"])
    assert ["authorize", "capture", "refund"] == banks["anything"].verbs
    assert [] == banks["cards"].verbs


async def test_other_processes_follow_a_changed_rule(
    api: ApiClient, settings: Settings, session: aiohttp.ClientSession, gateway: Gateway
) -> None:
    """Within a second, although they read no rules for a payment."""
    other = Gateway(settings)
    await other.start()
    try:
        elsewhere = ApiClient(session, f"http://127.0.0.1:{other.port}")
        before = await elsewhere.payment()
        await made(api, "anything")
        changed_at = time.monotonic()

        async def routed() -> bool:
            return (await elsewhere.payment())["processor"] == "anything"

        await eventually(routed)
        took = time.monotonic() - changed_at
    finally:
        await other.stop()

    assert "simulator" == before["processor"]
    assert took < settings.key_cache_seconds + 1, f"{took} s"


async def test_all_ways_to_pay_are_routed_alike(api: ApiClient) -> None:
    """The checkout, its page without script and Razorpay's libraries."""
    await made(api, "anything")
    order = await api.order()
    public = await api.post("/payments/public", {"order_id": order["id"], **UPI})
    by_razorpay = await api.order()
    body = {
        "order_id": by_razorpay["id"],
        "amount": by_razorpay["amount"],
        "currency": "INR",
        "email": "asha@example.com",
        "contact": "+919876543210",
        "method": "upi",
        "upi": {"flow": "collect", "vpa": "success@bank"},
    }
    wired = await api.post("//v1/payments/create/json", body)
    by_form = await api.order()
    form = {"method": "upi", "vpa": "success@bank"}
    await api.call("POST", f"//checkout?order_id={by_form['id']}", data=form)
    processors = [
        (await api.get(f"/orders/{each['id']}/payments")).json["data"][0]["processor"]
        for each in (order, by_razorpay, by_form)
    ]

    assert (201, 200) == (public.status, wired.status)
    assert ["anything"] * 3 == processors


async def test_a_kept_card_goes_to_who_keeps_it(
    api: ApiClient, banks: dict[str, ScriptedBank]
) -> None:
    """A card is saved where that is possible, and charged there whatever the rules say then."""
    customer = (await api.post("/customers", {})).json["id"]
    rule = await made(api, "cards", "anything")
    banks["anything"].answers.append(Approved(reference="bank_1", stored="card_1"))
    card = {"method": "card", "card": CARD, "save": True, "customer_id": customer}
    saved = await api.settled((await api.payment(**card))["id"])
    await api.call("PATCH", f"/routing-rules/{rule['id']}", {"processors": ["cards"]})
    order = await api.order(customer_id=customer)
    refused = await api.post("/payments", {"order_id": order["id"], **card})
    charged = await api.payment(order["id"], method="token", token_id=saved["token_id"])

    assert ["anything", "anything"] == [saved["processor"], charged["processor"]]
    assert (400, "save") == (refused.status, refused.error["field"])


async def test_the_dry_run_explains(api: ApiClient) -> None:
    """Rules that are switched off too; nothing is made."""
    off = await made(api, "anything", name="Off", active=False)
    rule = await made(api, "own", "cards", name="Cards", methods=["card"])
    body = {"amount": 50_000, "currency": "INR", "method": "card", "card_network": "visa"}
    explained = await api.post("/routing/dry-run", body)

    assert (200, ["cards"], rule["id"]) == (
        explained.status,
        explained.json["processors"],
        explained.json["rule_id"],
    )
    assert [
        (off["id"], None, False, "Is switched off"),
        (rule["id"], None, True, "Fits the payment"),
        (
            rule["id"],
            "own",
            False,
            "Needs credentials of the merchant's own, and there are none",
        ),
        (rule["id"], "cards", True, "Is tried first"),
    ] == [tuple(step.values()) for step in explained.json["steps"]]
    assert 0 == (await api.get("/payments")).json["total"]
    refused = await api.post("/routing/dry-run", {**body, "method": "upi"})
    assert (400, "card_network") == (refused.status, refused.error["field"])
    with_number = await api.post("/routing/dry-run", {**body, "card": CARD})
    assert (400, "card") == (with_number.status, with_number.error["field"])


async def test_processors_are_listed(api: ApiClient) -> None:
    """What each takes, and whether this merchant can use it in this mode."""
    listed = {each["name"]: each for each in (await api.get("/processors")).json["data"]}

    assert {"simulator": True, "cards": True, "anything": True, "own": False} == {
        name: listed[name]["usable"] for name in ("simulator", "cards", "anything", "own")
    }
    assert (["card"], None, "Needs credentials of the merchant's own, and there are none") == (
        listed["cards"]["methods"],
        listed["anything"]["methods"],
        listed["own"]["reason"],
    )


async def test_keys_need_the_permission(
    administrator: Administrator, client_for: Callable[..., ApiClient]
) -> None:
    """Who may only read sees the rules and asks what they do, and changes nothing."""
    merchant_id = await administrator.merchant()
    reader = await administrator.key(merchant_id, role="read_only")
    other = await administrator.key(merchant_id, role="restricted", permissions=("payments:write",))
    reads, pays = (client_for(key.key, key.secret) for key in (reader, other))
    body = {"name": "All", "processors": ["anything"]}
    ask = {"amount": 500, "method": "upi"}

    assert [200, 200, 200, 403] == [
        (await reads.get("/routing-rules")).status,
        (await reads.get("/processors")).status,
        (await reads.post("/routing/dry-run", ask)).status,
        (await reads.post("/routing-rules", body)).status,
    ]
    assert [403, 403] == [
        (await pays.get("/routing-rules")).status,
        (await pays.post("/routing/dry-run", ask)).status,
    ]
