"""Signing in and out: who comes in, who does not, and what nobody learns from it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gateway.seeding import TEST_EMAIL, TEST_KEY, TEST_PASSWORD, TEST_SECRET
from gateway.storage.pool import Pool
from tests.dashboard.people import PASSWORD, Browser, People
from tests.queue.conftest import RedisServer


async def test_the_seeded_owner_comes_in(browser: Browser) -> None:
    """The form has its test ids, and the seeded credentials lead to the overview."""
    form = await browser.get("/login")
    done = await browser.sign_in(TEST_EMAIL, TEST_PASSWORD)
    page = await browser.get(done.location)

    assert all(
        form.has(name) for name in ("login-form", "email-input", "password-input", "login-button")
    )
    assert (303, "/dashboard") == (done.status, done.location)
    assert 200 == page.status
    assert page.has("dashboard")
    assert TEST_KEY == page.by_test_id("api-key")
    assert TEST_SECRET == page.by_test_id("api-secret")


async def test_a_sign_in_is_noted(browser: Browser, pool: Pool) -> None:
    """The user's row has the time, the audit trail the user and the address."""
    await browser.sign_in(TEST_EMAIL, TEST_PASSWORD)

    user = await pool.fetchrow("SELECT * FROM users WHERE email = $1", TEST_EMAIL)
    audit = await pool.fetchrow("SELECT * FROM audit_logs WHERE action = 'user.signed_in'")
    assert user["last_signed_in_at"] is not None
    assert (f"user:{user['id']}", "127.0.0.1", None) == (
        audit["actor"],
        audit["address"],
        audit["mode"],
    )


async def test_the_address_is_one_in_any_case(browser: Browser) -> None:
    """Capital letters and blanks around an e-mail address make no other one."""
    done = await browser.sign_in(f"  {TEST_EMAIL.upper()} ", TEST_PASSWORD)

    assert 303 == done.status


async def test_wrong_credentials_are_told_alike(
    browser_for: Callable[[], Browser], people: People, pool: Pool
) -> None:
    """Unknown address, wrong password and a user who may not come in: one status, one text."""
    out = await people.make("support")
    await pool.execute("UPDATE users SET active = false WHERE id = $1", out.id)
    answers = set()
    for email, password in (
        ("nobody@example.com", TEST_PASSWORD),
        (TEST_EMAIL, "wrong password"),
        (out.email, PASSWORD),
        (TEST_EMAIL, ""),
        ("x" * 300 + "@example.com", TEST_PASSWORD),
    ):
        page = await browser_for().sign_in(email, password)
        answers.add((page.status, page.by_test_id("form-error") or "shown"))

        assert "do not belong together" in page.text

    assert 1 == len(answers)
    assert 401 == answers.pop()[0]


async def test_users_of_a_closed_merchant_stay_out(
    browser: Browser, people: People, pool: Pool
) -> None:
    """When the operator disables a merchant, its people cannot sign in and sessions are over."""
    inside = await people.seeded_owner()
    await pool.execute("UPDATE merchants SET active = false")

    assert 401 == (await browser.sign_in(TEST_EMAIL, TEST_PASSWORD)).status
    assert "/login" in (await inside.get("/dashboard")).location


async def test_what_was_typed_comes_back_but_no_password(browser: Browser) -> None:
    """After a mistake the address is still there, escaped; the password is not."""
    page = await browser.sign_in('"><script>alert(1)</script>', "secret words here")

    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert "secret words here" not in page.text


async def test_signing_out_ends_the_session(owner: Browser) -> None:
    """The cookie goes, and its value is worth nothing afterwards."""
    token = owner.cookie()
    done = await owner.post("/logout")
    gone = owner.cookie()
    owner.set_cookie("session", token)
    after = await owner.get("/dashboard")

    assert (303, "/login") == (done.status, done.location)
    assert gone is None
    assert "/login?next=/dashboard" == after.location


async def test_who_is_signed_in_is_not_asked_again(owner: Browser) -> None:
    """The sign-in page leads straight on."""
    page = await owner.get("/login?next=/dashboard/team")

    assert (303, "/dashboard/team") == (page.status, page.location)


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/dashboard@evil.example",
        "/%09/evil.example",
        "/dashboard\n//evil.example",
        "/dashboard\\..\\evil",
        "javascript:alert(1)",
        "dashboard",
        "/logout",
        "/dashboardish",
        "/dashboard/" + "x" * 2000,
    ],
)
async def test_nobody_is_sent_elsewhere(browser: Browser, path: str) -> None:
    """A `next` that is not one of the dashboard's own paths is forgotten."""
    done = await browser.sign_in(TEST_EMAIL, TEST_PASSWORD, next=path)

    assert (303, "/dashboard") == (done.status, done.location)


async def test_one_goes_on_where_one_was(browser: Browser) -> None:
    """A page that was asked for without a session comes after signing in, query and all."""
    away = await browser.get("/dashboard/account?action=key.created&page=2")
    form = await browser.get(away.location)
    done = await browser.sign_in(
        TEST_EMAIL, TEST_PASSWORD, next="/dashboard/account?action=key.created&page=2"
    )

    assert 303 == away.status
    assert 'name="next" value="/dashboard/account?action=key.created&amp;page=2"' in form.text
    assert "/dashboard/account?action=key.created&page=2" == done.location


async def test_after_a_form_one_goes_on_with_its_page(browser: Browser) -> None:
    """What was sent without a session is not done; its page comes after signing in."""
    for path, leads_to in (
        ("/dashboard/team/invitations", "/login?next=/dashboard/team"),
        ("/dashboard/keys/key_test_abc123/revoke", "/login?next=/dashboard/keys"),
        ("/dashboard/mode", "/login"),
        ("/logout", "/login"),
    ):
        page = await browser.post(path)

        assert (303, leads_to) == (page.status, page.location)


async def test_the_navigation_leads_to_pages_that_are_there(people: People) -> None:
    """For every role: each entry answers, and the page it leads to is marked in it."""
    for role in ("owner", "support", "operator"):
        browser = await people.signed_in(role)
        account = await browser.get("/dashboard/account")
        navigation = account.text.partition("<nav")[2].partition("</nav>")[0]
        for path in re.findall(r'<a href="([^"]+)"', navigation):
            page = await browser.get(path)

            assert 200 == page.status, (role, path)
            assert f'<a href="{path}" aria-current="page">' in page.text


async def test_the_bare_address_leads_to_the_dashboard(browser: Browser) -> None:
    """Whoever types the gateway's name only is led to the sign-in page."""
    page = await browser.get("/")

    assert (303, "/login") == (page.status, page.location)


async def test_programs_are_told_and_not_redirected(browser: Browser) -> None:
    """Scripts and streams without a session get 401 in the envelope."""
    for headers in (
        {"Accept": "application/json"},
        {"Accept": "text/event-stream"},
        {"Accept": "*/*", "Sec-Fetch-Mode": "cors"},
    ):
        page = await browser.request("GET", "/dashboard", headers=headers)

        assert 401 == page.status
        assert '"code":"AUTHENTICATION_ERROR"' in page.text


async def test_the_pages_may_not_be_kept_or_framed(owner: Browser, browser: Browser) -> None:
    """No cache keeps them, and nobody may lay them under their own buttons."""
    for page in (await owner.get("/dashboard"), await browser.get("/login")):
        assert "no-store" == page.headers["Cache-Control"]
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert "DENY" == page.headers["X-Frame-Options"]


async def test_operators_have_no_merchants_data(people: People) -> None:
    """An operator begins at a page that is there for operators, and is refused a merchant's."""
    operator = await people.make("operator")
    browser = people._browser_for()
    done = await browser.sign_in(operator.email, PASSWORD)

    assert 200 == (await browser.get(done.location)).status
    assert 403 == (await browser.get("/dashboard")).status


class TestAway:
    """Redis is not there."""

    @pytest.fixture
    def redis_url(self, server: RedisServer) -> str:
        return server.url

    async def test_signing_in_says_so(self, server: RedisServer, owner: Browser) -> None:
        """The sign-in page is a page, says what is wrong, and when to come again."""
        server.stop()
        page = await owner.get("/login")
        posted = await owner.sign_in(TEST_EMAIL, TEST_PASSWORD)

        for each in (page, posted):
            assert 503 == each.status
            assert "not possible at the moment" in each.text
            assert "30" == each.headers["Retry-After"]

    async def test_pages_say_so_too(self, server: RedisServer, owner: Browser) -> None:
        """Who was signed in gets a page that asks for patience, and nobody is signed out by it."""
        before = owner.cookie()
        server.stop()
        page = await owner.get("/dashboard")

        assert 503 == page.status
        assert "Just a moment" in page.text
        assert before == owner.cookie()
