"""The page of API keys: made, shown once, shown again to owners, revoked."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pytest

from gateway.app import Gateway
from gateway.seeding import TEST_KEY, TEST_PASSWORD, TEST_SECRET
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.dashboard.people import PASSWORD, Browser, Page, People
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

PATH = "/dashboard/keys"


def made(page: Page) -> tuple[str, str]:
    """The key and the secret that the page shows this once."""
    assert 200 == page.status, page.text
    found = [
        re.search(rf'value="([^"]+)"[^>]*data-test-id="{name}"', page.text)
        for name in ("new-key-id", "new-key-secret")
    ]
    return html.unescape(found[0][1]), html.unescape(found[1][1])


async def test_a_key_is_made(
    owner: Browser, client_for: Callable[..., ApiClient], pool: Pool
) -> None:
    """It works at once, its secret is on this page and on no other, and the trail knows."""
    page = await owner.post(PATH, role="full", expiry="")
    key, secret = made(page)
    again = await owner.get(PATH)
    audit = await pool.fetchrow("SELECT * FROM audit_logs WHERE action = 'key.created'")

    assert 200 == (await client_for(key, secret).get("/merchant")).status
    assert "no-store" == page.headers["Cache-Control"]
    assert key in again.text
    assert secret not in again.text
    assert (key, "test") == (audit["subject_id"], audit["mode"])
    assert secret not in str(audit)


async def test_roles_of_keys_hold(owner: Browser, client_for: Callable[..., ApiClient]) -> None:
    """A read-only key reads, a restricted one does what was ticked; neither does more."""
    reader = client_for(*made(await owner.post(PATH, role="read_only", expiry="")))
    restricted = client_for(
        *made(
            await owner.post(
                PATH, role="restricted", expiry="", permissions=["orders:write", "orders:read"]
            )
        )
    )

    assert 200 == (await reader.get("/orders")).status
    assert 403 == (await reader.post("/orders", {"amount": 500})).status
    assert 201 == (await restricted.post("/orders", {"amount": 500})).status
    assert 403 == (await restricted.get("/payments")).status


async def test_keys_end(
    gateway: Gateway, owner: Browser, client_for: Callable[..., ApiClient]
) -> None:
    """A key with an expiry is refused from then on, and the page says that it expired."""
    client = client_for(*made(await owner.post(PATH, role="full", expiry="30")))
    before = await client.get("/merchant")
    gateway.clock.advance(30 * 86_400)
    await owner.sign_in("test@example.com", TEST_PASSWORD)
    page = await owner.get(PATH)

    assert (200, 401) == (before.status, (await client.get("/merchant")).status)
    assert "Expired" in page.text


async def test_a_key_is_revoked(owner: Browser, api: ApiClient, pool: Pool) -> None:
    """It is refused at once, although it was in the cache; it cannot be revoked or shown again."""
    before = await api.get("/merchant")
    done = await owner.post(f"{PATH}/{TEST_KEY}/revoke")
    after = await api.get("/merchant")
    page = await owner.get(PATH)

    assert (200, 303, 401) == (before.status, done.status, after.status)
    assert "Revoked" in page.text
    assert 404 == (await owner.post(f"{PATH}/{TEST_KEY}/revoke")).status
    assert 404 == (await owner.post(f"{PATH}/{TEST_KEY}/reveal")).status
    assert "There is no API key" in (await owner.get("/dashboard")).text
    assert 1 == await pool.fetchval("SELECT count(*) FROM audit_logs WHERE action = 'key.revoked'")


async def test_a_key_is_rotated(owner: Browser, client_for: Callable[..., ApiClient]) -> None:
    """The new one is on the page; the old one says by which it is replaced, and cannot be again."""
    old = client_for(*made(await owner.post(PATH, role="read_only", expiry="")))
    old_id = old.credentials["X-Api-Key"]
    key, secret = made(await owner.post(f"{PATH}/{old_id}/rotate", overlap="3600"))
    page = await owner.get(PATH)
    again = await owner.post(f"{PATH}/{old_id}/rotate", overlap="3600")
    made_up = await owner.post(f"{PATH}/{key}/rotate", overlap="5")
    new = client_for(key, secret)

    assert [200, 200] == [(await each.get("/orders")).status for each in (old, new)]
    assert 403 == (await new.post("/orders", {"amount": 500})).status
    assert f'replaced by <span class="mono">{key}</span>' in page.text
    assert (400, 400) == (again.status, made_up.status)
    assert "rotated already" in again.text
    assert "how long the old key" in made_up.text


async def test_a_leaked_key_is_rotated(owner: Browser, api: ApiClient) -> None:
    """Without an overlap the old key is refused at once."""
    before = await api.get("/merchant")
    made(await owner.post(f"{PATH}/{TEST_KEY}/rotate", overlap="0"))

    assert (200, 401) == (before.status, (await api.get("/merchant")).status)


async def test_a_secret_is_masked_and_shown_to_the_owner(owner: Browser, pool: Pool) -> None:
    """Soon after signing in without a further question, noted, and on that page alone."""
    masked = await owner.get(PATH)
    shown = await owner.post(f"{PATH}/{TEST_KEY}/reveal")
    again = await owner.get(PATH)

    assert "secret_test_••••" in masked.by_test_id("api-secret")
    assert TEST_SECRET == shown.by_test_id("api-secret")
    assert "no-store" == shown.headers["Cache-Control"]
    assert TEST_SECRET not in masked.text + again.text
    assert 1 == await pool.fetchval("SELECT count(*) FROM audit_logs WHERE action = 'key.revealed'")


async def test_later_the_password_is_asked_for(
    gateway: Gateway, owner: Browser, pool: Pool
) -> None:
    """Five minutes after signing in; a wrong one shows nothing, the right one holds a while."""
    gateway.clock.advance(300)
    asked = await owner.post(f"{PATH}/{TEST_KEY}/reveal")
    wrong = await owner.post(f"{PATH}/{TEST_KEY}/reveal", password="wrong password")
    noted = await pool.fetchval("SELECT count(*) FROM audit_logs WHERE action = 'key.revealed'")
    right = await owner.post(f"{PATH}/{TEST_KEY}/reveal", password=TEST_PASSWORD)
    again = await owner.post(f"{PATH}/{TEST_KEY}/reveal")

    assert (200, 400) == (asked.status, wrong.status)
    assert asked.has("confirm-form")
    assert TEST_SECRET not in asked.text + wrong.text
    assert 0 == noted
    assert TEST_SECRET == right.by_test_id("api-secret")
    assert TEST_SECRET == again.by_test_id("api-secret")


async def test_developers_make_keys_and_see_no_secrets_of_others(people: People) -> None:
    """They have no button for it, nor on the overview."""
    developer = await people.signed_in("developer")
    page = await developer.get(PATH)
    overview = await developer.get("/dashboard")

    assert page.has("create-key-form")
    assert not page.has("reveal-button")
    assert "••••" in overview.by_test_id("api-secret")
    assert 403 == (await developer.post(f"{PATH}/{TEST_KEY}/reveal", password=PASSWORD)).status


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"role": "root", "expiry": ""}, "Choose what the key may do"),
        ({"role": "full", "expiry": "36500"}, "Choose what the key may do"),
        ({"role": "restricted", "expiry": ""}, "at least one permission"),
        (
            {"role": "restricted", "expiry": "", "permissions": "team:write"},
            "permissions must be of",
        ),
    ],
)
async def test_what_no_key_can_be(
    owner: Browser, pool: Pool, fields: dict[str, str], said: str
) -> None:
    """Made-up roles, expiries and permissions are refused."""
    page = await owner.post(PATH, **fields)

    assert 400 == page.status
    assert said in page.text
    assert 1 == await pool.fetchval("SELECT count(*) FROM api_keys")


class TestFewKeys:
    """A merchant may have two keys in a mode."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"api_keys_max": 2})

    async def test_keys_have_a_limit(self, owner: Browser) -> None:
        """Revoked ones do not count."""
        key, _ = made(await owner.post(PATH, role="full", expiry=""))
        refused = await owner.post(PATH, role="full", expiry="")
        await owner.post(f"{PATH}/{key}/revoke")
        made(await owner.post(PATH, role="full", expiry=""))

        assert 400 == refused.status
        assert "2 keys already" in refused.text


async def test_keys_of_others_and_of_the_other_mode_do_not_exist(
    owner: Browser, administrator: Administrator, api: ApiClient
) -> None:
    """Neither listed nor shown nor revoked."""
    theirs = await administrator.key(await administrator.merchant())
    await owner.post("/dashboard/mode", mode="live")
    live = await owner.post(PATH, role="full", expiry="")
    for key in (theirs.key, TEST_KEY, "key_test_nothing", "nonsense", "%00"):
        for action in ("reveal", "revoke", "rotate"):
            page = await owner.post(f"{PATH}/{key}/{action}", overlap="0")
            assert 404 == page.status, key
    page = await owner.get(PATH)

    assert made(live)[0].startswith("key_live_")
    assert made(live)[1].startswith("secret_live_")
    assert theirs.key not in page.text
    assert TEST_KEY not in page.text
    assert 200 == (await api.get("/merchant")).status
