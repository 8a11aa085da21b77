"""One's own account: the name, the password, and what a new password ends."""

from __future__ import annotations

import pytest

from gateway.app import Gateway
from gateway.storage.pool import Pool
from gateway.web.dashboard.agents import agent_name
from tests.dashboard.people import PASSWORD, Browser, People

NEW = "another quiet river"


async def test_a_password_is_changed(people: People, pool: Pool) -> None:
    """The new one opens, the old one does not, other sessions are over, this one goes on anew."""
    person = await people.make("support")
    here, there = await people.browser_of(person), await people.browser_of(person)
    before = here.cookie()
    done = await here.post(
        "/dashboard/account/password",
        current_password=PASSWORD,
        new_password=NEW,
        repeated_password=NEW,
    )
    page = await here.get("/dashboard/account")

    assert 303 == done.status
    assert before != here.cookie()
    assert "Your password was changed." in page.text
    assert 303 == (await there.get("/dashboard/account")).status
    assert 401 == (await there.sign_in(person.email, PASSWORD)).status
    assert 303 == (await there.sign_in(person.email, NEW)).status
    assert 1 == await pool.fetchval(
        "SELECT count(*) FROM audit_logs WHERE action = 'user.password_changed'"
    )


@pytest.mark.parametrize(
    ("current", "new", "repeated", "said"),
    [
        ("wrong password", NEW, NEW, "current password is another one"),
        ("", NEW, NEW, "current password is another one"),
        (PASSWORD, "short", "short", "at least 12"),
        (PASSWORD, NEW, NEW + " ", "not the same"),
    ],
)
async def test_a_password_is_not_changed(
    people: People, current: str, new: str, repeated: str, said: str
) -> None:
    """Without the old one, or for one that will not do; the old one goes on to hold."""
    person = await people.make("support")
    browser = await people.browser_of(person)
    page = await browser.post(
        "/dashboard/account/password",
        current_password=current,
        new_password=new,
        repeated_password=repeated,
    )

    assert 400 == page.status
    assert said in page.text
    assert NEW not in page.text
    assert 200 == (await browser.get("/dashboard/account")).status
    assert 303 == (await people._browser_for().sign_in(person.email, PASSWORD)).status


async def test_a_stolen_session_cannot_guess_the_password(gateway: Gateway, people: People) -> None:
    """After ten wrong ones not even the right one is taken for a while."""
    gateway.clock.advance(900 - gateway.clock.now().timestamp() % 900)
    browser = await people.signed_in("support")
    fields = {"new_password": NEW, "repeated_password": NEW}
    for _ in range(10):
        await browser.post(
            "/dashboard/account/password", current_password="wrong password", **fields
        )
    page = await browser.post("/dashboard/account/password", current_password=PASSWORD, **fields)

    assert 400 == page.status


async def test_a_name_is_short(owner: Browser) -> None:
    """A name is stored without blanks around it; an endless or unprintable one is refused."""
    await owner.post("/dashboard/account/name", name="  Asha Patel ")
    page = await owner.get("/dashboard/account")
    too_long = await owner.post("/dashboard/account/name", name="n" * 101)
    unprintable = await owner.post("/dashboard/account/name", name="a\u202eb")

    assert 'value="Asha Patel"' in page.text
    assert (400, 400) == (too_long.status, unprintable.status)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
                " Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
            ),
            "Edge on Windows",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15"
                " (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
            ),
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        ("curl/8.5.0", "curl"),
        ("", "Unknown browser"),
    ],
)
def test_browsers_have_names(agent: str, name: str) -> None:
    """A session is recognised by what people call their browser."""
    assert name == agent_name(agent)
