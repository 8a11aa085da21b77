"""The team page: invitations that work once, roles, and the last owner who stays."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Callable
from uuid import uuid4

import pytest

from gateway.app import Gateway
from gateway.seeding import TEST_EMAIL, TEST_MERCHANT_ID
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.dashboard.people import PASSWORD, Browser, People
from tests.web.merchants import Administrator

EMAIL = "new.person@shop.example"
NEW_PASSWORD = {"new_password": "quiet river stone", "repeated_password": "quiet river stone"}


async def invited(owner: Browser, email: str = EMAIL, role: str = "support") -> str:
    """The path of a new invitation."""
    page = await owner.post("/dashboard/team/invitations", email=email, role=role)
    assert 200 == page.status, page.text
    link = html.unescape(
        re.search(r'value="([^"]+)"[^>]*data-test-id="invitation-link"', page.text)[1]
    )
    assert link.startswith(owner.url)
    return link.removeprefix(owner.url)


async def members(pool: Pool) -> dict[str, tuple[str, bool]]:
    rows = await pool.fetch(
        "SELECT email, role, active FROM users WHERE merchant_id = $1", TEST_MERCHANT_ID
    )
    return {row["email"]: (row["role"], row["active"]) for row in rows}


async def test_an_invitation_makes_a_user(owner: Browser, browser: Browser, pool: Pool) -> None:
    """The link leads to a form; with a password one is in the team, signed in, in the role."""
    path = await invited(owner, email="  New.Person@Shop.Example ")
    form = await browser.get(path)
    done = await browser.post(path, name="New Person", **NEW_PASSWORD)
    page = await browser.get("/dashboard/account")

    assert "Join Test Merchant" in form.text
    assert (303, "/dashboard") == (done.status, done.location)
    assert "New Person" in page.text
    assert ("support", True) == (await members(pool))[EMAIL]
    assert {"team.invited", "team.joined"} <= {
        row["action"] for row in await pool.fetch("SELECT action FROM audit_logs")
    }


async def test_the_link_is_kept_nowhere(owner: Browser, pool: Pool) -> None:
    """The database has a hash of it; the page shows it once."""
    path = await invited(owner)
    token = path.rpartition("/")[2]
    row = await pool.fetchrow("SELECT * FROM invitations")
    again = await owner.get("/dashboard/team")
    audit = await pool.fetch("SELECT details FROM audit_logs")

    assert 32 == len(row["token_hash"])
    assert token not in again.text
    assert token not in str(row)
    assert token not in str(audit)
    assert EMAIL in again.text


async def test_an_invitation_works_once(
    owner: Browser, browser_for: Callable[[], Browser], pool: Pool
) -> None:
    """Two at once and one afterwards: one user, and a page that says so for the others."""
    path = await invited(owner)
    browsers = [browser_for() for _ in range(2)]
    for browser in browsers:
        await browser.get(path)
    pages = await asyncio.gather(*(each.post(path, **NEW_PASSWORD) for each in browsers))
    late = await browser_for().get(path)

    assert [303, 404] == sorted(page.status for page in pages)
    assert 404 == late.status
    assert "no longer holds" in late.text
    assert 2 == len(await members(pool))


async def test_an_invitation_ends(
    gateway: Gateway, owner: Browser, browser: Browser, pool: Pool
) -> None:
    """After seven days, when it is withdrawn, and when there is a newer one."""
    older = await invited(owner)
    newer = await invited(owner)
    withdrawn = await invited(owner, email="other@shop.example")
    invitation_id = await pool.fetchval(
        "SELECT id FROM invitations WHERE email = 'other@shop.example'"
    )
    done = await owner.post(f"/dashboard/team/invitations/{invitation_id}/withdraw")

    assert 303 == done.status
    assert [404, 200, 404] == [
        (await browser.get(path)).status for path in (older, newer, withdrawn)
    ]

    gateway.clock.advance(7 * 86_400)

    assert 404 == (await browser.get(newer)).status
    assert 404 == (await browser.post(newer, **NEW_PASSWORD)).status
    assert 1 == len(await members(pool))


async def test_nobody_who_left_comes_back(owner: Browser, people: People, browser: Browser) -> None:
    """An owner's own invitations hold only for as long as they are an owner who may come in."""
    leaving = await people.make("owner")
    path = await invited(await people.browser_of(leaving), email="back.door@shop.example")
    before = await browser.get(path)
    await owner.post(f"/dashboard/team/{leaving.id}/role", role="developer")
    demoted = await browser.post(path, **NEW_PASSWORD)
    await owner.post(f"/dashboard/team/{leaving.id}/role", role="owner")
    await owner.post(f"/dashboard/team/{leaving.id}/deactivate")
    out = await browser.post(path, **NEW_PASSWORD)

    assert [200, 404, 404] == [each.status for each in (before, demoted, out)]
    assert "back.door" not in (await owner.get("/dashboard/team")).text


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "..%2f..", "A" * 5000, "%C3%A4"])
async def test_made_up_links_lead_nowhere(browser: Browser, token: str) -> None:
    """Whatever somebody tries in place of a token: the same page."""
    page = await browser.get(f"/invitations/{token}")

    assert 404 == page.status
    assert "no longer holds" in page.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"new_password": "short", "repeated_password": "short"}, "at least 12"),
        ({"new_password": "aaaaaaaaaaaaaaaa", "repeated_password": "a"}, "easy to guess"),
        ({"new_password": EMAIL, "repeated_password": EMAIL}, "easy to guess"),
        ({"new_password": "quiet river stone", "repeated_password": "other"}, "not the same"),
        ({"new_password": "x1y2z3" * 200, "repeated_password": ""}, "at most 1024"),
        ({**NEW_PASSWORD, "name": "n" * 101}, "at most 100"),
    ],
)
async def test_a_password_is_long(
    owner: Browser, browser: Browser, fields: dict[str, str], said: str
) -> None:
    """A password that will not do is told, is not sent back, and does not use the link up."""
    path = await invited(owner)
    await browser.get(path)
    page = await browser.post(path, **fields)

    assert 400 == page.status
    assert said in page.text
    assert f'value="{fields["new_password"]}"' not in page.text.replace(f'value="{EMAIL}"', "")
    assert 200 == (await browser.get(path)).status


async def test_who_has_an_account_elsewhere_cannot_join(
    owner: Browser, browser: Browser, people: People, administrator: Administrator
) -> None:
    """One address is one user; the holder of the link is told, the inviter is not."""
    person = await people.make("owner", await administrator.merchant())
    path = await invited(owner, email=person.email)
    await browser.get(path)
    page = await browser.post(path, **NEW_PASSWORD)

    assert 400 == page.status
    assert "a user with this address already" in page.text


@pytest.mark.parametrize(
    ("email", "role", "said"),
    [
        ("no address", "support", "no e-mail address"),
        ("a@b\r\nBcc: all@example.com", "support", "no e-mail address"),
        ("", "support", "no e-mail address"),
        (EMAIL, "operator", "what they may do"),
        (EMAIL, "", "what they may do"),
        (TEST_EMAIL, "support", "belongs to your team already"),
    ],
)
async def test_what_cannot_be_invited(
    owner: Browser, pool: Pool, email: str, role: str, said: str
) -> None:
    """Addresses that are none, roles that a merchant cannot give, people who are there."""
    page = await owner.post("/dashboard/team/invitations", email=email, role=role)

    assert 400 == page.status
    assert said in html.unescape(page.text)
    assert 0 == await pool.fetchval("SELECT count(*) FROM invitations")


class TestSmallTeam:
    """A team may have two people."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"team_members_max": 2})

    async def test_a_team_has_a_limit(self, owner: Browser) -> None:
        """Invited people count; inviting the same one again does not."""
        await invited(owner)
        await invited(owner)
        page = await owner.post(
            "/dashboard/team/invitations", email="third@shop.example", role="support"
        )

        assert 400 == page.status
        assert "at most 2 people" in page.text


async def test_roles_are_given(owner: Browser, people: People, pool: Pool) -> None:
    """An owner changes a role; it holds at once, and the trail says from what to what."""
    person = await people.make("support")
    browser = await people.browser_of(person)
    done = await owner.post(f"/dashboard/team/{person.id}/role", role="developer")
    audit = await pool.fetchrow("SELECT * FROM audit_logs WHERE action = 'team.role_changed'")

    assert 303 == done.status
    assert ("developer", True) == (await members(pool))[person.email]
    assert "Make a key" in (await browser.get("/dashboard/keys")).text
    assert '{"before": "support", "after": "developer"}' == audit["details"]
    assert str(person.id) == audit["subject_id"]


async def test_people_go_and_come_back(owner: Browser, people: People, pool: Pool) -> None:
    """Deactivated: signed out at once and not let in; activated: let in, old sessions not."""
    person = await people.make("support")
    browser = await people.browser_of(person)
    await owner.post(f"/dashboard/team/{person.id}/deactivate")

    assert 303 == (await browser.get("/dashboard")).status
    assert ("support", False) == (await members(pool))[person.email]
    assert "Deactivated" in (await owner.get("/dashboard/team")).text

    await owner.post(f"/dashboard/team/{person.id}/activate")

    assert 303 == (await browser.get("/dashboard")).status
    assert 303 == (await browser.sign_in(person.email, PASSWORD)).status


async def test_the_last_owner_stays(owner: Browser, people: People, pool: Pool) -> None:
    """Neither demoted nor deactivated, as long as no other owner can sign in."""
    owner_id = await pool.fetchval("SELECT id FROM users WHERE email = $1", TEST_EMAIL)
    other = await people.make("owner")
    await owner.post(f"/dashboard/team/{other.id}/deactivate")
    for path, fields in (
        (f"/dashboard/team/{owner_id}/role", {"role": "support"}),
        (f"/dashboard/team/{owner_id}/deactivate", {}),
    ):
        page = await owner.post(path, **fields)

        assert 400 == page.status
        assert "needs an owner" in page.text
    assert ("owner", True) == (await members(pool))[TEST_EMAIL]


async def test_two_owners_do_not_remove_each_other(people: People, pool: Pool) -> None:
    """Both try at the same time: one owner is left."""
    await pool.execute("DELETE FROM users")
    first, second = await people.make("owner"), await people.make("owner")
    browsers = [await people.browser_of(first), await people.browser_of(second)]
    for _ in range(3):
        await asyncio.gather(
            browsers[0].post(f"/dashboard/team/{second.id}/role", role="support"),
            browsers[1].post(f"/dashboard/team/{first.id}/role", role="support"),
            browsers[0].post(f"/dashboard/team/{second.id}/deactivate"),
            browsers[1].post(f"/dashboard/team/{first.id}/deactivate"),
        )
    owners = [each for each in (await members(pool)).values() if each == ("owner", True)]

    assert 1 == len(owners)


async def test_other_merchants_people_do_not_exist(
    owner: Browser, people: People, administrator: Administrator, pool: Pool
) -> None:
    """Ids of others' users and invitations: not found, and nothing changed."""
    theirs = await people.make("support", await administrator.merchant())
    stranger = await people.browser_of(await people.make("owner", await administrator.merchant()))
    await invited(owner)
    invitation_id = await pool.fetchval("SELECT id FROM invitations")
    for path in (
        f"/dashboard/team/{theirs.id}/role",
        f"/dashboard/team/{theirs.id}/deactivate",
        f"/dashboard/team/{uuid4()}/deactivate",
        "/dashboard/team/nonsense/deactivate",
        "/dashboard/team/%00/deactivate",
    ):
        assert 404 == (await owner.post(path, role="read_only")).status, path
    withdrawn = await stranger.post(f"/dashboard/team/invitations/{invitation_id}/withdraw")
    user = await pool.fetchrow("SELECT role, active FROM users WHERE id = $1", theirs.id)
    listed = await stranger.get("/dashboard/team")

    assert 404 == withdrawn.status
    assert ("support", True) == (user["role"], user["active"])
    assert TEST_EMAIL not in listed.text
    assert EMAIL not in listed.text


async def test_names_are_text(owner: Browser, browser: Browser) -> None:
    """A name with markup in it is shown as it was typed, everywhere."""
    name = "<img src=x onerror=alert(1)>\"'&{{7*7}}"
    path = await invited(owner)
    await browser.get(path)
    await browser.post(path, name=name, **NEW_PASSWORD)
    for page in (
        await owner.get("/dashboard/team"),
        await owner.get("/dashboard/audit"),
        await browser.get("/dashboard/account"),
    ):
        assert "<img src=x" not in page.text
        assert html.escape("<img src=x", quote=False) in page.text
        assert "{{7*7}}" in page.text
