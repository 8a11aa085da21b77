"""The routing page: rules added, ordered, changed and deleted by hand, and what they would do."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from gateway.domain.ids import new_id
from gateway.storage.pool import Pool
from tests.dashboard.people import Browser, Page, People
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

PATH = "/dashboard/routing"


async def added(owner: Browser, **fields: str | list[str]) -> Page:
    """The page after a rule was added."""
    assert 200 == (await owner.get(f"{PATH}/new")).status
    whole = {"name": "A rule", "processors": ["simulator"], "active": "yes", **fields}
    answer = await owner.post(f"{PATH}/rules", **whole)
    assert (303, PATH) == (answer.status, answer.location), answer.text
    return await owner.get(PATH)


def listed(page: Page) -> list[tuple[str, str]]:
    """Id and name of each rule, in order."""
    return re.findall(
        r'data-rule-id="(\w+)">.*?data-test-id="rule-link">([^<]*)<', page.text, re.DOTALL
    )


async def test_a_rule_is_added_shown_changed_and_deleted(
    owner: Browser, api: ApiClient, pool: Pool
) -> None:
    """Amounts are typed as people write them; the API sees the same rule."""
    page = await added(
        owner,
        name="Dollars",
        methods=["card"],
        card_networks=["visa"],
        currencies="usd",
        amount_min="10.50",
        amount_max="1,000",
        processors=["authorizenet", "", "simulator"],
    )
    [(rule_id, _)] = listed(page)
    path = f"{PATH}/rules/{rule_id}"
    stored = (await api.get(f"/routing-rules/{rule_id}")).json
    form = await owner.get(path)
    off = await owner.post(path, name="Euros", currencies="EUR USD", processors=["simulator"])
    changed = (await api.get(f"/routing-rules/{rule_id}")).json
    switched = await owner.get(PATH)
    gone = await owner.post(f"{path}/delete")

    assert "Cards · Visa · USD · from $10.50 · up to $1,000.00" in page.text
    assert "authorizenet, then simulator" in page.text
    assert {
        "name": "Dollars",
        "currencies": ["USD"],
        "methods": ["card"],
        "card_networks": ["visa"],
        "amount_min": 1_050,
        "amount_max": 100_000,
        "processors": ["authorizenet", "simulator"],
        "active": True,
    }.items() <= stored.items()
    assert 'value="10.50"' in form.text
    assert (303, 303) == (off.status, gone.status)
    assert ("Euros", ["EUR", "USD"], None, False) == (
        changed["name"],
        changed["currencies"],
        changed["amount_min"],
        changed["active"],
    )
    assert "Off" == switched.by_test_id("rule-state")
    assert [] == listed(await owner.get(PATH))
    actors = {
        row["actor"][:5]
        for row in await pool.fetch("SELECT actor FROM audit_logs WHERE action LIKE 'routing%'")
    }
    assert {"user:"} == actors


@pytest.mark.parametrize(
    ("fields", "name", "text"),
    [
        ({"name": ""}, "name", "Name must not be empty."),
        ({"currencies": "USD XYZ"}, "currencies", "Currency must be an ISO 4217 code."),
        ({"amount_min": "5"}, "amount_min", "An amount needs exactly one currency above."),
        ({"amount_max": "1.005", "currencies": "USD"}, "amount_max", "This is no amount that USD"),
        ({"amount_max": "much", "currencies": "USD"}, "amount_max", "The amount must be in USD"),
        (
            {"amount_min": "5", "amount_max": "4", "currencies": "USD"},
            "amount_max",
            "Amount max must be at least amount min.",
        ),
        ({"card_networks": ["visa"], "methods": ["upi"]}, "card_networks", "Card networks is for"),
        ({"processors": []}, "processors", ""),
        ({"processors": ["simulator", "simulator"]}, "processors", "Processors must name each"),
        ({"processors": ["nobody"]}, "processors", "Nobody is no processor"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field(
    owner: Browser, pool: Pool, fields: dict[str, str | list[str]], name: str, text: str
) -> None:
    """What was entered is still there, and nothing was stored."""
    await owner.get(f"{PATH}/new")
    whole = {"name": "Kept name", "processors": ["simulator"], **fields}
    page = await owner.post(f"{PATH}/rules", **whole)

    assert 400 == page.status
    said = page.by_test_id(f"error-{name}")
    assert said
    assert said.startswith(text)
    assert name == "name" or 'value="Kept name"' in page.text
    assert 0 == await pool.fetchval("SELECT count(*) FROM routing_rules")


async def test_rules_change_places(owner: Browser, api: ApiClient) -> None:
    """Up and down by one; the first does not go up further."""
    for name in ("a", "b", "c"):
        page = await added(owner, name=name)
    ids = {name: rule_id for rule_id, name in listed(page)}

    async def after(name: str, to: str) -> str:
        answer = await owner.post(f"{PATH}/rules/{ids[name]}/move", to=to)
        assert 303 == answer.status
        return "".join(each for _, each in listed(await owner.get(PATH)))

    assert "acb" == await after("c", "up")
    assert "cab" == await after("c", "up")
    assert "cab" == await after("c", "up")
    assert "acb" == await after("c", "down")
    assert "acb" == "".join(each["name"] for each in (await api.get("/routing-rules")).json["data"])


async def test_a_dry_run_explains_itself(owner: Browser, api: ApiClient) -> None:
    """Where a payment would go, by which rule, and what speaks against the others."""
    await added(owner, name="Big", currencies="INR", amount_min="1000", processors=["simulator"])
    await added(owner, name="Cards", methods=["card"], processors=["authorizenet"])
    big = await owner.get(f"{PATH}?amount=1,000&currency=inr&method=upi")
    small = await owner.get(f"{PATH}?amount=5&currency=&method=card&card_network=visa&save=yes")
    bad = await owner.get(f"{PATH}?amount=much&currency=INR&method=upi")
    unknown = await owner.get(f"{PATH}?amount=5&currency=XYZ&method=upi")

    assert "₹1,000.00 goes to simulator" in big.text
    assert "Fits the payment" in big.text
    assert "₹5.00 goes nowhere" in small.text
    assert "Needs credentials of the merchant" in small.text
    assert (400, "The amount must be in INR, such as 12.50.") == (
        bad.status,
        bad.by_test_id("error-amount"),
    )
    assert "Currency must be an ISO 4217 code." == unknown.by_test_id("error-currency")
    assert not bad.has("answer")
    assert 0 == (await api.get("/payments")).json["total"]


@pytest.mark.parametrize("role", ["developer", "support", "read_only"])
async def test_others_look_and_try_and_change_nothing(
    owner: Browser, people: People, role: str
) -> None:
    """Where the money goes is the owner's to say."""
    page = await added(owner, name="Kept")
    [(rule_id, _)] = listed(page)
    path = f"{PATH}/rules/{rule_id}"
    member = await people.signed_in(role)
    seen, rule = await member.get(f"{PATH}?amount=5&method=upi"), await member.get(path)

    assert (200, 200) == (seen.status, rule.status)
    assert seen.has("answer")
    for name in ("add-rule", "move-up", "save-rule", "delete-rule"):
        assert not seen.has(name)
        assert not rule.has(name)
    for target in (path, f"{path}/move", f"{path}/delete", f"{PATH}/rules"):
        assert 403 == (await member.post(target, name="stolen", to="up")).status
    assert 403 == (await member.get(f"{PATH}/new")).status
    assert [(rule_id, "Kept")] == listed(await owner.get(PATH))


async def test_others_rules_do_not_exist(
    owner: Browser, administrator: Administrator, pool: Pool
) -> None:
    """Those of another merchant, and of the other mode."""
    page = await added(owner, name="Mine")
    [(mine, _)] = listed(page)
    other = await administrator.merchant()
    strangers = new_id("rule")
    await pool.execute(
        "INSERT INTO routing_rules (id, merchant_id, mode, position, name, currencies, methods,"
        " card_networks, processors, active, created_at, updated_at) SELECT $1, $2, mode, position,"
        " 'Theirs', currencies, methods, card_networks, processors, active, created_at, updated_at"
        " FROM routing_rules",
        strangers,
        other,
    )
    for rule_id in (strangers, new_id("rule"), str(uuid4())):
        path = f"{PATH}/rules/{rule_id}"
        assert 404 == (await owner.get(path)).status
        for target in (path, f"{path}/move", f"{path}/delete"):
            fields = {"name": "stolen", "processors": ["simulator"], "to": "up"}
            assert 404 == (await owner.post(target, **fields)).status
    await owner.post("/dashboard/mode", mode="live", next=PATH)
    assert 404 == (await owner.get(f"{PATH}/rules/{mine}")).status
    assert [] == listed(await owner.get(PATH))
    assert ["Mine", "Theirs"] == [
        row["name"] for row in await pool.fetch("SELECT name FROM routing_rules ORDER BY name")
    ]
