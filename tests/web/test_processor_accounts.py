"""Merchants' own accounts at processors: credentials are checked, used, and never come out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from gateway.actors.processor_accounts import ProcessorAccounts
from gateway.app import Gateway
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.support import eventually
from tests.web.banks import CREDENTIALS, KEY, LOGIN, BankWithAccounts, gateway_with
from tests.web.client import Answer, ApiClient
from tests.web.merchants import Administrator

BODY = {"processor": "simulator", "name": "Main", "credentials": CREDENTIALS}
CARD = {"number": "4242424242424242", "expiry_month": 12, "expiry_year": 2039, "cvv": "123"}
MASKED = {"login": "••••1234", "key": "••••"}


@pytest.fixture
def bank() -> BankWithAccounts:
    """The only processor there is."""
    return BankWithAccounts()


@pytest.fixture
async def gateway(
    settings: Settings, bank: BankWithAccounts, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    """A running gateway with that bank."""
    async with gateway_with(bank, settings, monkeypatch) as running:
        yield running


async def made(api: ApiClient, **changes: Any) -> dict[str, Any]:
    """A new account."""
    answer = await api.post("/processor-accounts", {**BODY, **changes})
    assert 201 == answer.status, answer.body
    return answer.json


def told(answer: Answer) -> tuple[int, str | None]:
    """Status and field of a refusal, which says nothing secret."""
    assert KEY.encode() not in answer.body
    assert LOGIN.encode() not in answer.body
    return answer.status, answer.error["field"]


async def test_credentials_are_checked_and_shown_masked(
    api: ApiClient, bank: BankWithAccounts, pool: Pool
) -> None:
    """What comes back has the last four characters of the login and nothing of the key."""
    account = await made(api)
    path = f"/processor-accounts/{account['id']}"
    listed = await api.get("/processor-accounts")
    [row] = await pool.fetch("SELECT * FROM processor_accounts")
    [audit] = await pool.fetch("SELECT * FROM audit_logs WHERE action LIKE 'processor%'")

    assert CREDENTIALS == bank.checked[0]
    assert MASKED == account["credentials"]
    assert ("accepted", None) == (account["check"]["result"], account["check"]["message"])
    assert [account] == listed.json["data"]
    assert account == (await api.get(path)).json
    for stored in (str(dict(row)), str(dict(audit)), repr(bank.calls)):
        assert KEY not in stored
        assert LOGIN not in stored
    assert ("processor_account.created", account["id"]) == (audit["action"], audit["subject_id"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "processor"),
        ({"processor": "bank"}, "credentials"),
        ({**BODY, "processor": "nobody"}, "processor"),
        ({**BODY, "credentials": {"login": LOGIN}}, "credentials.key"),
        ({**BODY, "credentials": {**CREDENTIALS, "pin": "1"}}, "credentials.pin"),
        ({**BODY, "credentials": {**CREDENTIALS, "key": ""}}, "credentials.key"),
        ({**BODY, "credentials": {**CREDENTIALS, "key": f" {KEY}"}}, "credentials.key"),
        ({**BODY, "credentials": {**CREDENTIALS, "key": "k" * 4097}}, "credentials.key"),
        ({**BODY, "credentials": {**CREDENTIALS, "key": 7}}, "credentials.key"),
        ({**BODY, "credentials": {**CREDENTIALS, "key": "wrong"}}, "credentials"),
        ({**BODY, "name": ""}, "name"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_stored(
    api: ApiClient, pool: Pool, body: dict[str, Any], field: str
) -> None:
    """Missing, unknown, empty, too long or refused by the processor: 400, and no row."""
    assert (400, field) == told(await api.post("/processor-accounts", body))
    assert 0 == await pool.fetchval("SELECT count(*) FROM processor_accounts")


async def test_a_processor_that_cannot_be_asked_stops_nobody(
    api: ApiClient, bank: BankWithAccounts
) -> None:
    """The account is stored and marked; a check later brings it up to date, also when refused."""
    bank.reachable = False
    account = await made(api)
    path = f"/processor-accounts/{account['id']}"
    bank.reachable = True
    checked = (await api.post(f"{path}/check")).json

    assert ("unchecked", "The processor could not be reached") == (
        account["check"]["result"],
        account["check"]["message"],
    )
    assert "accepted" == checked["check"]["result"]
    assert account["check"]["checked_at"] <= checked["check"]["checked_at"]
    bank.refused.add(KEY)
    again = (await api.post(f"{path}/check")).json["check"]
    assert ("refused", "Login or key are wrong") == (again["result"], again["message"])


async def test_payments_go_to_the_merchants_own_account(
    api: ApiClient, bank: BankWithAccounts, pool: Pool
) -> None:
    """From the answer on; captures and refunds stay, also when another account is active."""
    before = await api.authorized()
    first = await made(api)
    payment = await api.authorized()
    second = await made(api, active=False, credentials={**CREDENTIALS, "login": "another-5678"})
    switched = await api.call("PATCH", f"/processor-accounts/{second['id']}", {"active": True})
    later = await api.authorized()
    for each in (before, payment, later):
        assert 200 == (await api.post(f"/payments/{each['id']}/capture")).status
    other = {**CREDENTIALS, "login": "another-5678"}
    accounts = {
        row["id"]: row["processor_account_id"] for row in await pool.fetch("SELECT * FROM payments")
    }

    assert [None, CREDENTIALS, other, None, CREDENTIALS, other] == [
        account for _, account in bank.calls
    ]
    assert True is switched.json["active"]
    assert False is (await api.get(f"/processor-accounts/{first['id']}")).json["active"]
    assert [None, UUID(first["id"]), UUID(second["id"])] == [
        accounts[each["id"]] for each in (before, payment, later)
    ]


async def test_lookups_use_the_payments_account(api: ApiClient, bank: BankWithAccounts) -> None:
    """An unknown outcome is asked for where it was sent to."""
    await made(api)
    payment = await api.payment(method="upi", vpa="timeout@bank")

    async def unknown() -> bool:
        return (await api.get(f"/payments/{payment['id']}")).json["status"] == "unknown"

    await eventually(unknown)
    await api.post("/test/clock", {"advance_seconds": 60})
    await eventually(lambda: ("lookup", CREDENTIALS) in bank.calls)


async def test_payments_ask_for_no_account(
    bank: BankWithAccounts,
    settings: Settings,
    session: aiohttp.ClientSession,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once the account was used, payments go on while its table cannot be asked by name."""
    monkeypatch.setattr(ProcessorAccounts, "look", lambda _accounts: None)
    calm = settings.model_copy(update={"processor_accounts_seconds": 3600.0})
    async with gateway_with(bank, calm, monkeypatch) as running:
        api = ApiClient(session, f"http://127.0.0.1:{running.port}")
        await made(api)
        await api.authorized()
        await pool.execute("ALTER TABLE processor_accounts RENAME TO out_of_sight")
        await api.captured()
        await pool.execute("ALTER TABLE out_of_sight RENAME TO processor_accounts")

    assert [CREDENTIALS] * 3 == [account for _, account in bank.calls]


async def test_one_account_is_active(api: ApiClient) -> None:
    """A second one has to wait, until it is made the active one."""
    await made(api)
    refused = await api.post("/processor-accounts", BODY)
    second = await made(api, active=False)
    both = await asyncio.gather(
        *(
            api.call("PATCH", f"/processor-accounts/{second['id']}", {"active": value})
            for value in (True, False)
        )
    )

    assert (400, "active_account_exists") == (refused.status, refused.error["reason"])
    assert {200} <= {answer.status for answer in both} <= {200, 400}
    listed = (await api.get("/processor-accounts")).json["data"]
    assert [each["active"] for each in listed].count(True) <= 1


async def test_secrets_change_and_the_login_stays(
    api: ApiClient, bank: BankWithAccounts, pool: Pool
) -> None:
    """The very next payment goes with the new key; another login would be another account."""
    account = await made(api)
    path = f"/processor-accounts/{account['id']}"
    await api.authorized()
    refused = await api.call("PATCH", path, {"credentials": {"key": "wrong"}})
    other = await api.call("PATCH", path, {"credentials": {"login": "another-5678"}})
    unknown = await api.call("PATCH", path, {"credentials": {"pin": "1"}})
    nothing = await api.call("PATCH", path, {})
    changed = await api.call("PATCH", path, {"name": "New", "credentials": {"key": "next"}})
    await api.authorized()

    assert (400, "credentials") == told(refused)
    assert (400, "credentials.login") == told(other)
    assert (400, "credentials.pin") == told(unknown)
    assert 400 == nothing.status
    assert ("New", MASKED) == (changed.json["name"], changed.json["credentials"])
    assert [CREDENTIALS, {**CREDENTIALS, "key": "next"}] == [each for _, each in bank.calls]
    details = await pool.fetchval(
        "SELECT details FROM audit_logs WHERE action = 'processor_account.changed'"
    )
    assert '"fields": ["check_message", "check_result", "credentials"' in details


async def test_what_payments_need_is_kept(api: ApiClient, bank: BankWithAccounts) -> None:
    """A new account can be deleted; one that was paid with takes no more, and refunds go on."""
    unused = await made(api, active=False)
    account = await made(api)
    payment = await api.captured()
    gone = await api.call("DELETE", f"/processor-accounts/{unused['id']}")
    kept = await api.call("DELETE", f"/processor-accounts/{account['id']}")
    await api.authorized()
    refund = (await api.post(f"/payments/{payment['id']}/refunds", {"amount": 100})).json

    async def processed() -> bool:
        return (await api.get(f"/refunds/{refund['id']}")).json["status"] == "processed"

    await eventually(processed)
    assert {"id": unused["id"], "deleted": True, "active": False} == gone.json
    assert {"id": account["id"], "deleted": False, "active": False} == kept.json
    assert 404 == (await api.get(f"/processor-accounts/{unused['id']}")).status
    assert ("authorize", None) == bank.calls[-2]
    assert ("refund", CREDENTIALS) == bank.calls[-1]


async def test_a_saved_card_stays_in_its_account(
    api: ApiClient, bank: BankWithAccounts, pool: Pool
) -> None:
    """It is charged and forgotten with the account it was kept in, whichever is active."""
    account = await made(api)
    customer = (await api.post("/customers", {"email": "asha@example.com"})).json["id"]
    order = await api.order(customer_id=customer)
    saved = await api.authorized(order_id=order["id"], method="card", card=CARD, save=True)
    await api.call("DELETE", f"/processor-accounts/{account['id']}")
    order = await api.order(customer_id=customer)
    await api.authorized(order_id=order["id"], method="token", token_id=saved["token_id"])
    await api.call("DELETE", f"/customers/{customer}/tokens/{saved['token_id']}")

    await eventually(lambda: bank.forgotten)
    assert [("authorize", CREDENTIALS), ("authorize", CREDENTIALS)] == bank.calls
    assert [CREDENTIALS] == bank.forgotten
    assert UUID(account["id"]) == await pool.fetchval("SELECT processor_account_id FROM tokens")


async def test_without_the_credentials_nothing_is_sent(
    api: ApiClient, bank: BankWithAccounts, pool: Pool
) -> None:
    """Sealed with a key that is gone: the payment fails, and no other account is used."""
    account = await made(api)
    await pool.execute("UPDATE processor_accounts SET credentials_sealed = '\\x00'")
    payment = await api.payment()

    async def failed() -> Any:
        await api.post("/test/clock", {"advance_seconds": 10})
        found = (await api.get(f"/payments/{payment['id']}")).json
        return found if found["status"] == "failed" else None

    outcome = await eventually(failed)
    assert ("GATEWAY_ERROR", []) == (outcome["error_code"], bank.calls)
    reasons = {row["reason"] for row in await pool.fetch("SELECT reason FROM attempts")}
    assert {"AccountUnreadable"} == reasons
    check = await api.post(f"/processor-accounts/{account['id']}/check")
    assert (400, "credentials_unreadable") == (check.status, check.error["reason"])


async def test_limits(
    api: ApiClient, administrator: Administrator, pool: Pool, settings: Settings
) -> None:
    """So many accounts of a merchant, and no more."""
    rows = settings.processor_accounts_max
    merchant_id = await pool.fetchval("SELECT id FROM merchants")
    for number in range(rows):
        await administrator.processor_account(merchant_id, processor=f"bank{number}")
    refused = await api.post("/processor-accounts", BODY)

    assert (400, f"There may be at most {rows} processor accounts") == (
        refused.status,
        refused.error["description"],
    )


async def test_active_accounts_of_all_merchants_are_limited(
    bank: BankWithAccounts,
    settings: Settings,
    session: aiohttp.ClientSession,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither made active nor switched on beyond what a process knows by heart."""
    few = settings.model_copy(update={"processor_accounts_active_max": 1})
    async with gateway_with(bank, few, monkeypatch) as running:
        api = ApiClient(session, f"http://127.0.0.1:{running.port}")
        administrator = Administrator(pool, settings)
        other = await administrator.processor_account(await administrator.merchant())
        refused = await api.post("/processor-accounts", BODY)
        idle = await made(api, active=False)
        path = f"/processor-accounts/{idle['id']}"
        switched = await api.call("PATCH", path, {"active": True})
        await pool.execute("DELETE FROM processor_accounts WHERE id = $1", UUID(other))
        later = [await api.call("PATCH", path, {"active": True}) for _ in range(2)]

    assert (400, 400) == (refused.status, switched.status)
    assert [200, 200] == [each.status for each in later]
    assert "takes no more" in switched.error["description"]


async def test_the_same_key_makes_one_account(
    api: ApiClient, bank: BankWithAccounts, pool: Pool
) -> None:
    """A repeat gets the same answer and asks the processor nothing."""
    first = await api.post("/processor-accounts", BODY, key="once")
    second = await api.post("/processor-accounts", BODY, key="once")

    assert (201, 201, first.body) == (first.status, second.status, second.body)
    assert 1 == len(bank.checked)
    assert 1 == await pool.fetchval("SELECT count(*) FROM processor_accounts")


@pytest.mark.parametrize(
    ("permissions", "reads", "writes"),
    [(("processors:read",), 200, 403), (("payments:write",), 403, 403)],
)
async def test_keys_need_the_permission(
    administrator: Administrator,
    client_for: Callable[..., ApiClient],
    permissions: tuple[str, ...],
    reads: int,
    writes: int,
) -> None:
    """Reading and writing are permissions of their own."""
    merchant_id = await administrator.merchant()
    credentials = await administrator.key(merchant_id, role="restricted", permissions=permissions)
    client = client_for(credentials.key, credentials.secret)

    assert reads == (await client.get("/processor-accounts")).status
    assert writes == (await client.post("/processor-accounts", BODY)).status
    for method in ("PATCH", "DELETE"):
        path = f"/processor-accounts/{uuid4()}"
        assert writes == (await client.call(method, path, {})).status


async def test_other_processes_learn_of_a_change(
    api: ApiClient,
    bank: BankWithAccounts,
    settings: Settings,
    session: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An account that was made here is used there, long before the next look."""
    slow = settings.model_copy(update={"processor_accounts_seconds": 3600.0})
    elsewhere = BankWithAccounts()
    async with gateway_with(elsewhere, slow, monkeypatch) as other:
        there = ApiClient(session, f"http://127.0.0.1:{other.port}")
        await made(api)

        async def used() -> bool:
            await there.authorized()
            return CREDENTIALS in [each for _, each in bank.calls + elsewhere.calls]

        await eventually(used)
