"""The audit trail: all of one's own, found by who, what and when, page after page."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from gateway.seeding import TEST_EMAIL, TEST_MERCHANT_ID
from gateway.storage.pool import Pool
from gateway.web.dashboard.audit import ACTIONS
from tests.dashboard.people import Browser, People
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

ROOT = Path(__file__).resolve().parents[2]
# What actions are about; other texts with a point in them are events and templates.
NOTED = {"key", "merchant", "operation", "team", "user", "webhook_endpoint"}
START = datetime(2026, 1, 1, tzinfo=UTC)


async def write(
    pool: Pool,
    count: int,
    *,
    merchant_id: UUID = TEST_MERCHANT_ID,
    mode: str | None = None,
    actor: str = "key_test_abc123",
    action: str = "key.created",
    apart: timedelta = timedelta(minutes=1),
) -> None:
    """Lines with the subjects `line 0`, `line 1`, …"""
    await pool.executemany(
        "INSERT INTO audit_logs (id, merchant_id, mode, actor, action, subject_id, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            (uuid4(), merchant_id, mode, actor, action, f"line {number}", START + number * apart)
            for number in range(count)
        ],
    )


async def signed_in(pool: Pool) -> set[str]:
    rows = await pool.fetch("SELECT id FROM audit_logs WHERE action = 'user.signed_in'")
    return {str(row["id"]) for row in rows}


async def lines(browser: Browser, query: str = "") -> list[str]:
    """The subjects of the lines on the page."""
    page = await browser.get(f"/dashboard/audit{query}")
    assert 200 == page.status
    return re.findall(r">(line \d+)<", page.text)


async def test_what_one_does_is_there(owner: Browser, api: ApiClient) -> None:
    """People and keys are named, with what they did, where from, and in which request."""
    await owner.post("/dashboard/account/name", name="Asha Patel")
    await api.call("PATCH", "/merchant", {"name": "Corner Shop"}, headers={"X-Request-Id": "req-7"})
    page = await owner.get("/dashboard/audit")
    text = html.unescape(page.text)

    assert ["merchant.changed", "user.renamed", "user.signed_in"] == re.findall(
        r'data-action="([^"]+)"', text
    )
    assert "Asha Patel" in text
    assert "key_test_abc123" in text
    assert "Changed settings" in text
    assert "req-7" in text
    assert "127.0.0.1" in text


def test_every_action_has_a_name() -> None:
    """What the code notes is what the page has words for, and nothing else."""
    writers = r"(?:write_audit|audit_operator|note_account|_audit|_note|transition\.audit|Audit)\("
    noted = set()
    for path in (ROOT / "gateway").rglob("*.py"):
        source = path.read_text()
        if re.search(writers, source) and path.name != "audit.py":
            noted |= set(re.findall(r'"([a-z_]+\.[a-z_]+)"', source))
            noted |= set(re.findall(r'transition\.audit\(\s*"([a-z_]+)"', source))

    actions = {each for each in noted if each.split(".")[0] in NOTED or each.endswith("_requested")}

    assert set() == actions - set(ACTIONS)
    assert set() == set(ACTIONS) - noted


async def test_pages_go_on_where_the_last_one_ended(owner: Browser, pool: Pool) -> None:
    """Every line once, newest first, also when many are of one moment and new ones come."""
    await write(pool, 60, apart=timedelta(0))
    await write(pool, 60)
    there = {str(row["id"]) for row in await pool.fetch("SELECT id FROM audit_logs")}
    page = await owner.get("/dashboard/audit?action=key.created")
    seen: list[str] = []
    while True:
        seen += re.findall(r'data-audit-id="([^"]+)"', page.text)
        older = re.search(r'href="([^"]+)" data-test-id="older"', page.text)
        if older is None:
            break
        await write(pool, 1, apart=timedelta(0))  # of the oldest moment: it may be met or not
        path = html.unescape(older[1])
        assert "action=key.created" in path
        page = await owner.get(path)

    assert len(seen) == len(set(seen))
    assert set() == there - set(seen) - await signed_in(pool)


async def test_lines_are_found(owner: Browser, people: People, pool: Pool) -> None:
    """By who, by what, by day, and by all at once."""
    person = await people.make("support")
    await write(pool, 1, actor="key_test_abc123", action="key.revoked")
    await write(pool, 2, actor=f"user:{person.id}", action="key.created")
    await write(pool, 3, actor="operator:root", action="user.password_reset")
    await write(pool, 4, actor="gateway", action="late_approval", apart=timedelta(days=1))

    assert 1 == len(await lines(owner, "?actor=keys"))
    assert 2 == len(await lines(owner, f"?actor=user:{person.id}"))
    assert 3 == len(await lines(owner, "?actor=operators"))
    assert 4 == len(await lines(owner, "?actor=gateway"))
    assert 3 == len(await lines(owner, "?action=user.password_reset"))
    assert ["line 2", "line 1"] == await lines(
        owner, "?actor=gateway&from=2026-01-02&to=2026-01-03"
    )
    assert 0 == len(await lines(owner, "?actor=gateway&action=key.created"))


@pytest.mark.parametrize(
    "query",
    [
        "?actor=%25",
        "?actor=user:' OR 1=1",
        "?action=nonsense",
        "?from=yesterday&to=9999-12-31",
        "?from=%00",
        "?after=nonsense",
        "?after=00000000-0000-0000-0000-000000000000&actor=",
        "?page=2&x=y",
    ],
)
async def test_what_makes_no_sense_is_left_out(owner: Browser, pool: Pool, query: str) -> None:
    """Nobody breaks the page by its address."""
    await write(pool, 1)
    page = await owner.get(f"/dashboard/audit{query.replace(' ', '%20')}")

    assert 200 == page.status


async def test_only_ones_own(
    owner: Browser, people: People, administrator: Administrator, pool: Pool
) -> None:
    """Lines of other merchants are not there, nor those of the other mode, nor their people."""
    other = await administrator.merchant()
    stranger = await people.make("owner", other)
    await write(pool, 1, merchant_id=other, actor=f"user:{stranger.id}")
    await write(pool, 2, mode="live")
    await write(pool, 3, mode="test")
    await write(pool, 1, actor=f"user:{stranger.id}", action="user.created")
    in_test = await owner.get("/dashboard/audit")
    theirs = await pool.fetchval("SELECT id FROM audit_logs WHERE merchant_id = $1", other)
    after = await lines(owner, f"?after={theirs}")
    await owner.post("/dashboard/mode", mode="live")

    assert 4 == len(re.findall(r">line \d+<", in_test.text))
    assert stranger.email not in in_test.text
    assert [] == after
    assert 3 == len(await lines(owner))
    assert TEST_EMAIL in (await owner.get("/dashboard/audit")).text
