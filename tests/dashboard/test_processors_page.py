"""The pages of processors: what they take, how payments do there, and the merchant's accounts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from gateway.app import Gateway
from gateway.settings import Settings
from gateway.storage.pool import Pool
from gateway.storage.summaries import fold
from tests.dashboard.people import Browser, Page, People
from tests.support import eventually
from tests.web.banks import CREDENTIALS, KEY, LOGIN, BankWithAccounts, gateway_with
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

PATH = "/dashboard/processors"


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


async def added(owner: Browser, **changes: str) -> str:
    """The path of an account that was added by hand."""
    assert 200 == (await owner.get(f"{PATH}/new?processor=simulator")).status
    fields = {"name": "Main", "credentials.login": LOGIN, "credentials.key": KEY, **changes}
    answer = await owner.post(f"{PATH}/accounts", processor="simulator", **fields)
    assert (303, PATH) == (answer.status, answer.location)
    page = await owner.get(PATH)
    found = re.findall(rf"{PATH}/accounts/[0-9a-f-]{{36}}", page.text)
    return str(found[0])


def without_secrets(page: Page) -> Page:
    assert KEY not in page.text
    assert LOGIN not in page.text
    return page


async def test_an_account_is_added_and_used(
    owner: Browser, api: ApiClient, bank: BankWithAccounts, pool: Pool
) -> None:
    """It is checked, shown masked, and takes the next payment; the trail says who added it."""
    before = await owner.get(PATH)
    path = await added(owner)
    listed, shown = await owner.get(PATH), await owner.get(path)
    await api.authorized()
    audit = await pool.fetchrow("SELECT * FROM audit_logs WHERE action LIKE 'processor%'")

    assert "go to the gateway" in before.by_test_id("in-use")
    assert "go to your account Main" == without_secrets(listed).by_test_id("in-use")
    assert ("In use", "Credentials accepted") == (
        shown.by_test_id("account-state"),
        shown.by_test_id("check-result"),
    )
    assert "••••1234" in without_secrets(shown).text
    assert ("authorize", CREDENTIALS) == bank.calls[-1]
    assert audit["actor"].startswith("user:")


async def test_a_payments_page_says_where_its_attempts_went(owner: Browser, api: ApiClient) -> None:
    """The processor, and the account by its name; the gateway's own has none."""
    before = await api.authorized()
    await added(owner)
    payment = await api.captured()
    shared = await owner.get(f"/dashboard/transactions/{before['id']}")
    own = await owner.get(f"/dashboard/transactions/{payment['id']}")

    assert "to simulator · " in shared.text
    assert not shared.has("processor-account")
    assert 2 == own.text.count("to simulator, account Main · ")
    assert "Main" == own.by_test_id("processor-account")


async def test_what_is_wrong_stands_beside_its_field(
    owner: Browser, bank: BankWithAccounts, pool: Pool
) -> None:
    """Each field says what it lacks; a refusal stands above them; secrets are not sent back."""
    await owner.get(f"{PATH}/new?processor=simulator")
    empty = await owner.post(f"{PATH}/accounts", processor="simulator", name="Main")
    fields = {"name": "Main", "credentials.login": "known-login", "credentials.key": "wrong"}
    refused = await owner.post(f"{PATH}/accounts", processor="simulator", **fields)

    assert (400, "Key is required.") == (empty.status, empty.by_test_id("error-key"))
    assert "Login is required." == empty.by_test_id("error-login")
    assert 400 == refused.status
    assert "The processor refuses the credentials: Login or key are wrong." in refused.text
    assert 'value="known-login"' in refused.text
    assert 'value="wrong"' not in refused.text
    assert 0 == await pool.fetchval("SELECT count(*) FROM processor_accounts")


async def test_an_account_is_changed_checked_switched_and_removed(
    owner: Browser, api: ApiClient, bank: BankWithAccounts
) -> None:
    """A secret that is left empty stays; one that payments need is kept, out of use."""
    path = await added(owner)
    await owner.get(path)
    saved = await owner.post(path, **{"name": "Shop", "credentials.key": ""})
    await api.captured()
    renewed = await owner.post(path, **{"name": "Shop", "credentials.key": "next"})
    await api.captured()
    bank.refused.add("next")
    checked = await owner.post(f"{path}/check")
    refused = await owner.get(path)
    off = await owner.post(f"{path}/active", active="false")
    switched = await owner.get(path)
    removed = await owner.post(f"{path}/delete")
    notice = (await owner.get(PATH)).text

    assert [303] * 5 == [each.status for each in (saved, renewed, checked, off, removed)]
    accounts = [account for verb, account in bank.calls if verb == "authorize"]
    assert [CREDENTIALS, {**CREDENTIALS, "key": "next"}] == accounts
    assert "Credentials refused" == refused.by_test_id("check-result")
    assert "Not in use" == switched.by_test_id("account-state")
    assert "kept for the payments made with it" in notice
    assert "Shop" in without_secrets(await owner.get(PATH)).text


async def test_a_second_account_waits_until_it_is_used(owner: Browser) -> None:
    """Two are never in use; using one takes the other out."""
    first = await added(owner)
    await owner.get(f"{PATH}/new?processor=simulator")
    fields = {"name": "Next", "credentials.login": "another-5678", "credentials.key": KEY}
    await owner.post(f"{PATH}/accounts", processor="simulator", **fields)
    page = await owner.get(PATH)
    found = re.findall(rf"{PATH}/accounts/[0-9a-f-]{{36}}", page.text)
    second = next(each for each in found if each != first)
    assert "Not in use" == (await owner.get(second)).by_test_id("account-state")
    await owner.post(f"{second}/active", active="true")

    assert "In use" == (await owner.get(second)).by_test_id("account-state")
    assert "Not in use" == (await owner.get(first)).by_test_id("account-state")


@pytest.mark.parametrize("role", ["developer", "support", "read_only"])
async def test_others_look_and_change_nothing(
    owner: Browser, people: People, role: str, pool: Pool
) -> None:
    """Where the money goes is the owner's to say."""
    path = await added(owner)
    member = await people.signed_in(role)
    page, account = await member.get(PATH), await member.get(path)

    assert (200, 200) == (page.status, account.status)
    for name in ("add-account", "save-account", "check-account", "delete-account"):
        assert not page.has(name)
        assert not account.has(name)
    for target in (path, f"{path}/check", f"{path}/active", f"{path}/delete", f"{PATH}/accounts"):
        assert 403 == (await member.post(target, active="false", processor="simulator")).status
    assert 403 == (await member.get(f"{PATH}/new?processor=simulator")).status
    assert await pool.fetchval("SELECT active FROM processor_accounts")


async def test_others_accounts_do_not_exist(
    owner: Browser, administrator: Administrator, pool: Pool
) -> None:
    """Those of another merchant, and of the other mode."""
    merchant_id = await pool.fetchval("SELECT id FROM merchants")
    others = await administrator.processor_account(await administrator.merchant())
    live = await administrator.processor_account(merchant_id, mode="live")
    await owner.get(PATH)
    for account_id in (others, live, str(uuid4()), "nonsense"):
        path = f"{PATH}/accounts/{account_id}"
        assert 404 == (await owner.get(path)).status
        for target in (path, f"{path}/check", f"{path}/active", f"{path}/delete"):
            assert 404 == (await owner.post(target, active="true", name="stolen")).status
    assert 404 == (await owner.get(f"{PATH}/new?processor=nobody")).status
    assert ["Main", "Main"] == [
        row["name"] for row in await pool.fetch("SELECT name FROM processor_accounts")
    ]
    assert not (await owner.get(PATH)).has("account")


async def test_breakers_of_the_account_in_use_are_shown(
    owner: Browser, api: ApiClient, gateway: Gateway
) -> None:
    """What is called and what is held back now; not what goes by another account."""
    await api.authorized()
    shared = await owner.get(PATH)
    await added(owner)
    own = await owner.get(PATH)
    await api.captured()
    used = await owner.get(PATH)

    def verbs(page: Page) -> list[str]:
        return re.findall(r'data-test-id="breaker" data-verb="([a-z]+)"', page.text)

    assert ["authorize"] == verbs(shared)
    assert [] == verbs(own)
    assert ["authorize", "capture"] == verbs(used)
    assert "is made" in used.text


async def test_rates_and_reasons_are_those_of_the_period(
    owner: Browser, api: ApiClient, gateway: Gateway, pool: Pool
) -> None:
    """A payment of ten days ago counts in thirty days and not in seven."""
    await api.authorized()
    failed = await api.settled((await api.payment(method="upi", vpa="failure@bank"))["id"])
    assert "failed" == failed["status"]
    old = await api.authorized()
    await pool.execute(
        "UPDATE payments SET created_at = created_at - interval '10 days' WHERE id = $1", old["id"]
    )
    async with pool.acquire() as connection:
        await connection.execute("DELETE FROM summary_state")
        now = gateway.clock.now() + timedelta(seconds=1)

        async def folded() -> bool:
            return not await fold(connection, now, lag_seconds=60, slice_seconds=90_000_000)

        await eventually(folded)

    async def figures() -> list[str] | None:
        text = (await owner.get(PATH)).text
        rows = re.findall(r'data-test-id="rate" data-period="[^"]*">(.*?)</tr>', text, re.DOTALL)
        cells = [" ".join(re.findall(r">([^<]+)</td>", row)) for row in rows]
        return cells if cells[-1].startswith("30 days 3") else None

    found = await eventually(figures)
    assert ["24 hours 2 1 0 50.0 %", "7 days 2 1 0 50.0 %", "30 days 3 1 0 66.6 %"] == found
    page = await owner.get(PATH)
    assert page.has("declines")
    assert failed["error_reason"].replace("_", " ") in page.text
