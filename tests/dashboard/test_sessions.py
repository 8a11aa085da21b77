"""Sessions: how they begin, what ends them, and what their cookie looks like."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from gateway.app import Gateway
from gateway.queue.sessions import session_id_of
from gateway.seeding import TEST_EMAIL, TEST_PASSWORD
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.dashboard.people import PASSWORD, Browser, People
from tests.web.merchants import Administrator


async def is_in(browser: Browser) -> bool:
    """Whether the browser is signed in."""
    return (await browser.get("/dashboard/account")).status == 200


async def test_the_cookie_in_test_mode(browser: Browser) -> None:
    """Out of reach of scripts and of other sites' forms, and gone with the browser."""
    done = await browser.sign_in(TEST_EMAIL, TEST_PASSWORD)
    cookie = done.cookies["session"]

    assert cookie["httponly"]
    assert "Lax" == cookie["samesite"]
    assert "/" == cookie["path"]
    assert not cookie["domain"]
    assert not cookie["max-age"]
    assert 43 == len(cookie.value)


class TestOutsideTestMode:
    """The gateway is a real one."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"test_mode": False, "test_controls": False})

    async def test_the_cookie(
        self, people: People, administrator: Administrator, browser: Browser
    ) -> None:
        """It is for this host alone and for encrypted connections alone; so is the visitor's."""
        person = await people.make("owner", await administrator.merchant())
        form = await browser.get("/login")
        browser.set_cookie("__Host-visitor", form.cookies["__Host-visitor"].value)
        done = await browser.post("/login", email=person.email, password=PASSWORD)

        for cookie in (form.cookies["__Host-visitor"], done.cookies["__Host-session"]):
            assert cookie["secure"]
            assert cookie["httponly"]
            assert "Lax" == cookie["samesite"]
            assert "/" == cookie["path"]
            assert not cookie["domain"]

    async def test_one_begins_with_live_data(
        self, people: People, administrator: Administrator, browser: Browser
    ) -> None:
        """Who signs in to a real gateway sees what is real."""
        person = await people.make("owner", await administrator.merchant())
        form = await browser.get("/login")
        browser.set_cookie("__Host-visitor", form.cookies["__Host-visitor"].value)
        done = await browser.post("/login", email=person.email, password=PASSWORD)
        browser.set_cookie("__Host-session", done.cookies["__Host-session"].value)
        page = await browser.get("/dashboard/account")

        assert 'class="dashboard live-mode"' in page.text


async def test_no_session_is_taken_from_outside(browser: Browser) -> None:
    """A token that somebody put into the browser before is not the one after signing in."""
    planted = "A" * 43
    browser.set_cookie("session", planted)
    await browser.sign_in(TEST_EMAIL, TEST_PASSWORD)

    assert browser.cookie() not in (None, planted)


async def test_signing_in_again_ends_the_session_before(owner: Browser) -> None:
    """The browser's older session is over, its token worth nothing."""
    before = owner.cookie()
    owner.set_cookie("session", "A" * 43)
    await owner.get("/login")  # a form that was open before the other tab signed in
    owner.set_cookie("session", before)
    await owner.post("/login", email=TEST_EMAIL, password=TEST_PASSWORD)
    after = owner.cookie()
    owner.set_cookie("session", before)

    assert before != after
    assert not await is_in(owner)

    owner.set_cookie("session", after)

    assert await is_in(owner)


async def test_a_session_ends_when_nobody_uses_it(gateway: Gateway, owner: Browser) -> None:
    """Each use counts from anew; two hours without any are the end."""
    for _ in range(3):
        gateway.clock.advance(7_100)
        assert await is_in(owner)
    gateway.clock.advance(7_200)

    assert not await is_in(owner)


async def test_a_session_ends_after_a_day_of_work(gateway: Gateway, owner: Browser) -> None:
    """Twelve hours are the end, however busy."""
    for _ in range(12):
        gateway.clock.advance(3_500)
        assert await is_in(owner)
    gateway.clock.advance(3_500)

    assert not await is_in(owner)


async def test_signing_out_everywhere(people: People) -> None:
    """All sessions of the user end, nobody else's, and the cookie cannot be made good again."""
    person = await people.make("support")
    first, second = await people.browser_of(person), await people.browser_of(person)
    other = await people.signed_in("support")
    done = await first.post("/dashboard/account/sign-out-everywhere")

    assert (303, "/login") == (done.status, done.location)
    assert not await is_in(first)
    assert not await is_in(second)
    assert await is_in(other)
    assert await is_in(await people.browser_of(person))


async def test_out_means_out_at_once(people: People, pool: Pool) -> None:
    """Roles, deactivation and a password reset by the operator hold from the next request on."""
    person = await people.make("support")
    browser = await people.browser_of(person)
    await pool.execute("UPDATE users SET role = 'read_only' WHERE id = $1", person.id)
    page = await browser.get("/dashboard/account")

    assert "Read only" in page.text

    await pool.execute("UPDATE users SET active = false WHERE id = $1", person.id)

    assert not await is_in(browser)

    await pool.execute(
        "UPDATE users SET active = true, session_epoch = session_epoch + 1 WHERE id = $1",
        person.id,
    )

    assert not await is_in(browser)


async def test_redis_holds_no_tokens(gateway: Gateway, owner: Browser, redis_prefix: str) -> None:
    """Whoever reads Redis finds ids of sessions, and cannot sign in with them."""
    token = owner.cookie()
    client = Redis.from_url(gateway.settings.redis_url.get_secret_value())
    keys = [key.decode() async for key in client.scan_iter(f"{redis_prefix}:session*")]
    stored = await client.hgetall(f"{redis_prefix}:session:{session_id_of(token)}")
    await client.aclose()

    assert f"{redis_prefix}:session:{session_id_of(token)}" in keys
    assert token not in "".join(keys)
    assert token.encode() not in stored.values()


class TestManySessions:
    """One user, many browsers."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"sessions_per_user_max": 2})

    async def test_the_oldest_one_gives_way(self, gateway: Gateway, people: People) -> None:
        """A further session ends the one that was opened first."""
        person = await people.make("support")
        browsers = []
        for _ in range(3):
            browsers.append(await people.browser_of(person))
            gateway.clock.advance(1)

        assert [False, True, True] == [await is_in(browser) for browser in browsers]


async def test_one_session_can_be_ended_from_another(people: People) -> None:
    """The account page lists them, and ends one; nobody ends somebody else's."""
    person = await people.make("support")
    here, there = await people.browser_of(person), await people.browser_of(person)
    other = await people.signed_in("support")
    page = await here.get("/dashboard/account")
    for browser in (there, other):
        done = await here.post(
            "/dashboard/account/sessions/end", session=session_id_of(browser.cookie())
        )

        assert 303 == done.status

    assert 1 == page.text.count("This browser")
    assert 2 == page.text.count("last seen")
    assert await is_in(here)
    assert not await is_in(there)
    assert await is_in(other)


async def test_the_mode_is_the_sessions_own(people: People) -> None:
    """One browser looks at live data while another one of the same user looks at test data."""
    person = await people.make("developer")
    first, second = await people.browser_of(person), await people.browser_of(person)
    done = await first.post(
        "/dashboard/mode", mode="live", next="/dashboard/keys/key_test_abc123?x=1"
    )
    for wrong in ("", "prod", "LIVE"):
        await second.post("/dashboard/mode", mode=wrong)

    assert "/dashboard/keys" == done.location
    assert "live-mode" in (await first.get("/dashboard/account")).text
    assert "test-mode" in (await second.get("/dashboard/account")).text


async def test_a_notice_is_shown_once(owner: Browser) -> None:
    """What was done is said on the next page, and not again."""
    await owner.post("/dashboard/account/name", name="Asha")
    first = await owner.get("/dashboard/account")
    second = await owner.get("/dashboard/account")

    assert first.has("notice")
    assert "Your name was saved." in first.text
    assert not second.has("notice")


@pytest.fixture
async def two_gateways(gateway: Gateway, settings: Settings) -> AsyncIterator[Gateway]:
    """A second process on the same stores."""
    async with AsyncExitStack() as stack:
        second = Gateway(settings)
        await second.start()
        stack.push_async_callback(second.stop)
        yield second


async def test_processes_share_sessions(
    owner: Browser, two_gateways: Gateway, browser_for: Callable[[], Browser]
) -> None:
    """Whoever signed in at one process is known to the other."""
    there = browser_for()
    there.url = f"http://127.0.0.1:{two_gateways.port}"
    there.set_cookie("session", owner.cookie())

    assert await is_in(there)
