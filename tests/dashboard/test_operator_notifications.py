"""What operators see of processors' notifications, and have handled once more."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from gateway.seeding import TEST_MERCHANT_ID
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.dashboard.people import Browser, People
from tests.support import eventually

PATH = "/dashboard/operators/notifications"
LETTERS = "/dashboard/operators/dead-letters"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def operator(people: People) -> Browser:
    """An operator, signed in."""
    return await people.signed_in("operator")


async def kept(
    pool: Pool, state: str = "failed", body: bytes = b"{}", merchant_id: UUID | None = None
) -> str:
    """The id of a notification in this state."""
    notification_id = uuid4()
    await pool.execute(
        "INSERT INTO inbound_notifications (id, processor, merchant_id, mode, notification_id,"
        " kind, reference, body, state, tries, due_at, reason, received_at, finished_at)"
        " VALUES ($1, 'authorizenet', $2::uuid,"
        " CASE WHEN $2::uuid IS NULL THEN NULL ELSE 'test' END,"
        " $3, $4, '4711', $5, $6, 8, CASE $6 WHEN 'pending' THEN now() + interval '1 day' END,"
        " 'AnswerLost', clock_timestamp(), now())",
        notification_id,
        merchant_id,
        str(notification_id),
        HOSTILE,
        body,
        state,
    )
    return str(notification_id)


async def row(pool: Pool, notification_id: str) -> dict[str, Any]:
    """The notification as it is now."""
    found = await pool.fetchrow(
        "SELECT * FROM inbound_notifications WHERE id = $1", UUID(notification_id)
    )
    assert found is not None
    return dict(found)


async def test_each_is_shown_with_what_was_sent(operator: Browser, pool: Pool) -> None:
    """Its state, why, and the body as text: nothing that a processor sends is markup."""
    notification_id = await kept(pool, body=f'{{"eventType":"{HOSTILE}"}}'.encode())
    odd = await kept(pool, "ignored", body=b"\xff<b>")
    page = await operator.get(PATH)

    assert HOSTILE not in page.text
    assert "<b>" not in page.text.partition("<main")[2].replace("<body", "")
    assert "&#34;eventType&#34;: &#34;&lt;script&gt;" in page.text
    for id_, state in ((notification_id, "failed"), (odd, "ignored")):
        assert f'data-notification-id="{id_}" data-state="{state}"' in page.text
    assert "AnswerLost" in page.text
    assert "4711" in page.text


async def test_a_long_body_is_cut(operator: Browser, pool: Pool) -> None:
    """A page has room for many."""
    await kept(pool, body=b'["' + b"x" * 10_000 + b'"]')
    page = await operator.get(PATH)

    assert 4_000 < page.text.count("x") < 5_000
    assert "x…" in page.text


async def test_they_come_in_pages_and_states(
    operator: Browser, pool: Pool, settings: Settings
) -> None:
    """Each once, newest first."""
    made = [await kept(pool) for _ in range(settings.dashboard_page_rows + 2)]
    await kept(pool, "done")
    page, seen = await operator.get(f"{PATH}?state=failed"), []
    while True:
        seen += re.findall(r'data-notification-id="([^"]+)"', page.text)
        following = re.search(r'href="([^"]+)" data-test-id="next"', page.text)
        if following is None:
            break
        page = await operator.get(following[1].replace("&amp;", "&"))

    assert made[::-1] == seen
    assert 200 == (await operator.get(f"{PATH}?state=x&after=x")).status


@pytest.mark.parametrize("state", ["failed", "ignored"])
@pytest.mark.parametrize("merchant_id", [None, TEST_MERCHANT_ID])
async def test_one_is_handled_again(
    operator: Browser, pool: Pool, state: str, merchant_id: UUID | None
) -> None:
    """At once and with all its tries; the trail of the merchant, if there is one, says by whom."""
    notification_id = await kept(pool, state, merchant_id=merchant_id)
    done = await operator.post(f"{PATH}/{notification_id}/replay")

    async def tried() -> bool:
        now = await row(pool, notification_id)
        return bool(now["tries"] == 1 and now["reason"])

    await eventually(tried)
    audit = await pool.fetchrow("SELECT * FROM audit_logs WHERE action = 'notification.replayed'")
    assert (303, PATH) == (done.status, done.location)
    assert "pending" == (await row(pool, notification_id))["state"]
    assert (merchant_id, notification_id) == (audit["merchant_id"], audit["subject_id"])
    assert audit["actor"].startswith("operator:")


async def test_a_dead_letter_is_another_way_to_the_same(operator: Browser, pool: Pool) -> None:
    """Either way puts the letter away; one whose notification is gone is only put away."""
    notification_id, gone = await kept(pool), str(uuid4())
    for subject_id in (notification_id, gone):
        await pool.execute(
            "INSERT INTO dead_letters (id, kind, subject_id, reason, created_at)"
            " VALUES ($1, 'notification', $2, 'AnswerLost', now())",
            uuid4(),
            subject_id,
        )
    listed = await operator.get(f"{LETTERS}?kind=notification")
    for letter_id in re.findall(r'data-letter-id="([^"]+)"', listed.text):
        assert 303 == (await operator.post(f"{LETTERS}/{letter_id}/replay")).status

    assert "pending" == (await row(pool, notification_id))["state"]
    assert 0 == await pool.fetchval("SELECT count(*) FROM dead_letters WHERE resolved_at IS NULL")
    assert 2 == await pool.fetchval(
        "SELECT count(*) FROM audit_logs WHERE action = 'dead_letter.replayed'"
    )


@pytest.mark.parametrize("state", ["pending", "done"])
async def test_what_needs_nothing_is_left_alone(operator: Browser, pool: Pool, state: str) -> None:
    """What is done is not done again, and what is on its way comes by itself."""
    notification_id = await kept(pool, state)
    before = await row(pool, notification_id)

    assert 404 == (await operator.post(f"{PATH}/{notification_id}/replay")).status
    assert before == await row(pool, notification_id)


async def test_nobody_else_sees_or_does_any_of_it(people: People, pool: Pool) -> None:
    """Not even owners: it may be about other merchants."""
    notification_id = await kept(pool)
    for role in ("owner", "developer", "support", "read_only"):
        browser = await people.signed_in(role)

        assert 403 == (await browser.get(PATH)).status
        assert 403 == (await browser.post(f"{PATH}/{notification_id}/replay")).status
