"""The log of deliveries: filters, pages, one delivery, sending again, replay."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from aiohttp import web

from gateway.domain.ids import new_id
from gateway.security.signatures import verify_webhook
from gateway.seeding import TEST_MERCHANT_ID
from gateway.settings import Settings
from gateway.storage.pool import Pool
from tests.dashboard.people import Browser, Page, People
from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.merchants import Administrator
from tests.webhooks.receivers import Receiver

PATH = "/dashboard/webhooks"
HOSTILE = '<script>alert(1)</script>"{{7*7}}'
BODY = b'{"event":"payment.success","data":{"name":"<script>alert(2)</script>"}}'


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A merchant's server that takes everything."""
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def refuser() -> AsyncIterator[Receiver]:
    """A merchant's server that answers with markup and a 500."""

    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=500, text=HOSTILE, content_type="text/html")

    made = Receiver(answer=refuse)
    await made.start()
    yield made
    await made.stop()


async def endpoint_of(api: ApiClient, url: str, **fields: object) -> str:
    made = await api.post("/webhook-endpoints", {"url": url, **fields})
    found: str = made.json["id"]
    return found


async def add_deliveries(
    pool: Pool,
    endpoint_id: str,
    count: int,
    *,
    event: str = "payment.success",
    status: str = "failed",
    since: datetime = datetime(2026, 11, 1, tzinfo=UTC),
) -> list[str]:
    """Deliveries of the test merchant that are over, a minute after each other, oldest first."""
    made = []
    for number in range(count):
        event_id, delivery_id = new_id("evt"), uuid4()
        moment = since + timedelta(minutes=number)
        await pool.execute(
            "INSERT INTO events (id, merchant_id, mode, type, body, created_at)"
            " VALUES ($1, $2, 'test', $3, $4, $5)",
            event_id,
            TEST_MERCHANT_ID,
            event,
            BODY,
            moment,
        )
        await pool.execute(
            "INSERT INTO webhook_logs (id, merchant_id, mode, event_id, endpoint_id, event, status,"
            " attempts, created_at) VALUES ($1, $2, 'test', $3, $4, $5, $6, 5, $7)",
            delivery_id,
            TEST_MERCHANT_ID,
            event_id,
            endpoint_id,
            event,
            status,
            moment,
        )
        made.append(str(delivery_id))
    return made


def ids_on(page: Page) -> list[str]:
    assert 200 == page.status, page.text
    return re.findall(r'webhook-log-item" data-webhook-id="([^"]+)"', page.text)


def link_on(page: Page, name: str) -> str:
    [found] = re.findall(rf'href="([^"]+)"[^>]*data-test-id="{name}"', page.text)
    return html.unescape(found).partition("#")[0]


async def test_the_log_is_empty_at_first(owner: Browser) -> None:
    """And says what to do."""
    page = await owner.get(PATH)

    assert [] == ids_on(page)
    assert "Nothing was sent yet" in page.text
    assert "No delivery fits" in (await owner.get(f"{PATH}?status=failed")).text


async def test_pages_go_through_all_deliveries_once(
    owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool, settings: Settings
) -> None:
    """Newest first, as many a page as the setting says, though new ones arrive meanwhile."""
    endpoint_id = await endpoint_of(api, receiver.url)
    made = await add_deliveries(pool, endpoint_id, settings.dashboard_page_rows * 2 + 3)
    page, seen = await owner.get(PATH), []
    seen += ids_on(page)
    await add_deliveries(pool, endpoint_id, 1, since=datetime(2026, 11, 20, tzinfo=UTC))
    while 'data-test-id="older"' in page.text:
        page = await owner.get(link_on(page, "older"))
        seen += ids_on(page)

    assert made[::-1] == seen
    assert "Newest" in page.text


async def test_filters_narrow_the_log(
    owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """By status, event, endpoint and day; what was chosen stays chosen."""
    one, two = await endpoint_of(api, receiver.url), await endpoint_of(api, receiver.url)
    failed = await add_deliveries(pool, one, 1)
    succeeded = await add_deliveries(pool, two, 1, status="success", event="refund.created")
    late = await add_deliveries(pool, one, 1, since=datetime(2026, 11, 10, 23, 59, tzinfo=UTC))
    chosen = {
        "status=success": succeeded,
        "event=refund.created": succeeded,
        f"endpoint_id={two}": succeeded,
        "from=2026-11-10": late,
        "from=2026-11-10&to=2026-11-10": late,
        "to=2026-11-09&status=failed": failed,
        "status=pending": [],
    }

    for query, expected in chosen.items():
        assert expected == ids_on(await owner.get(f"{PATH}?{query}")), query
    shown = await owner.get(f"{PATH}?status=success")
    assert '<option value="success" selected>' in shown.text


@pytest.mark.parametrize(
    "query",
    [
        "status=lost",
        "event=%3Cb%3E",
        "endpoint_id=x",
        "from=tomorrow",
        "after=1",
        "status=a&status=b",
    ],
)
async def test_filters_that_cannot_be_are_said(owner: Browser, query: str) -> None:
    """Above the log, with status 400; the rest of the page is there."""
    page = await owner.get(f"{PATH}?{query}")

    assert 400 == page.status
    assert page.has("list-error")
    assert page.has("webhook-config-form")
    assert 400 == (await owner.get(f"{PATH}/replay?{query}")).status or "after" in query


class TestManyDeliveries:
    """Filters look through ten deliveries at a time."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"dashboard_scan_max": 10})

    async def test_a_rare_one_is_found_further_back(
        self, owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool
    ) -> None:
        """The page says that the newest were looked through, and leads on."""
        endpoint_id = await endpoint_of(api, receiver.url)
        [rare] = await add_deliveries(
            pool, endpoint_id, 1, event="order.expired", since=datetime(2026, 10, 1, tzinfo=UTC)
        )
        await add_deliveries(pool, endpoint_id, 15)
        first = await owner.get(f"{PATH}?event=order.expired")
        second = await owner.get(link_on(first, "further"))

        assert [] == ids_on(first)
        assert "Not among the newest" in first.text
        assert [rare] == ids_on(second)


async def test_a_delivery_shows_what_was_sent_and_answered(
    owner: Browser, people: People, api: ApiClient, refuser: Receiver, pool: Pool
) -> None:
    """The very body and headers, whose signature holds; answers are text, whatever they hold."""
    secret = "whsec_of_its_own"
    endpoint_id = await endpoint_of(api, refuser.url, secret=secret)
    await owner.post(f"{PATH}/endpoints/{endpoint_id}/test")
    row = await eventually(lambda: pool.fetchrow("SELECT * FROM webhook_attempts"))
    path = f"{PATH}/deliveries/{row['delivery_id']}"
    page = await owner.get(path)
    reader = await (await people.signed_in("read_only")).get(path)
    [received] = refuser.received
    headers = dict(re.findall(r"<dt>([^<]+):</dt> <dd>([^<]*)</dd>", page.text))
    body = html.unescape(re.search(r'delivery-body">([^<]*)<', page.text)[1])

    assert received.body.decode() == body
    assert received.headers["webhook-signature"] == html.unescape(headers["webhook-signature"])
    assert received.headers["x-webhook-signature"] == headers["X-Webhook-Signature"]
    assert verify_webhook(
        headers={name: html.unescape(value) for name, value in headers.items()},
        body=body.encode(),
        secret=secret,
        now=int(headers["webhook-timestamp"]),
    )
    assert HOSTILE == page.by_test_id("attempt-response")
    assert "HTTP 500" == page.by_test_id("attempt-answer")
    assert secret not in page.text
    assert headers["X-Webhook-Signature"] not in reader.text
    assert "(hidden)" in reader.text


async def test_a_delivery_is_sent_again(
    owner: Browser, people: People, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """By support, too; it is noted who did it."""
    endpoint_id = await endpoint_of(api, receiver.url)
    [delivery_id] = await add_deliveries(pool, endpoint_id, 1)
    support = await people.signed_in("support")
    again = await support.post(f"{PATH}/deliveries/{delivery_id}/retry")
    await eventually(lambda: receiver.received)
    noted = await pool.fetchrow("SELECT * FROM audit_logs WHERE action = 'webhook.retried'")

    assert (303, f"{PATH}/deliveries/{delivery_id}") == (again.status, again.location)
    assert BODY == receiver.received[0].body
    assert delivery_id == noted["subject_id"]
    assert noted["actor"].startswith("user:")


async def test_what_goes_nowhere_is_not_sent_again(
    owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """The page of the delivery says why, and has no button for it."""
    endpoint_id = await endpoint_of(api, receiver.url)
    [delivery_id] = await add_deliveries(pool, endpoint_id, 1)
    path = f"{PATH}/deliveries/{delivery_id}"
    await owner.post(f"{PATH}/endpoints/{endpoint_id}/active", active="false")
    off = await owner.post(f"{path}/retry")
    await owner.post(f"{PATH}/endpoints/{endpoint_id}/delete")
    gone = await owner.get(path)

    assert 400 == off.status
    assert "Webhook endpoint is not active." in off.text
    assert "Its endpoint was deleted" in gone.text
    assert not off.has("retry-webhook-button")
    assert [] == receiver.received


async def test_a_body_that_is_no_longer_kept(
    owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """Is said to be so."""
    [delivery_id] = await add_deliveries(pool, await endpoint_of(api, receiver.url), 1)
    await pool.execute("UPDATE events SET body = NULL")
    page = await owner.get(f"{PATH}/deliveries/{delivery_id}")

    assert 200 == page.status
    assert "No longer kept" in page.text


async def test_a_replay_is_counted_before_it_is_made(
    owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """What the filters choose is sent, nothing else; looking sends nothing."""
    one, two = await endpoint_of(api, receiver.url), await endpoint_of(api, receiver.url)
    chosen = await add_deliveries(pool, one, 3)
    await add_deliveries(pool, two, 2)
    await add_deliveries(pool, one, 2, status="success")
    query = f"endpoint_id={one}&from=2026-11-01&to=2026-11-01"
    asked = await owner.get(f"{PATH}/replay?{query}")
    untouched = list(receiver.received)
    made = await owner.post(f"{PATH}/replay?{query}")
    await eventually(lambda: len(receiver.received) == len(chosen))
    noted = await pool.fetchrow("SELECT * FROM audit_logs WHERE action = 'webhooks.replayed'")

    assert "3" == asked.by_test_id("replay-count")
    assert [] == untouched
    assert (303, PATH) == (made.status, made.location)
    assert "3 webhooks are sent again now." in (await owner.get(PATH)).text
    assert '"deliveries": 3' in noted["details"]


class TestSmallReplays:
    """A replay sends two deliveries at most."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"webhook_replay_max": 2})

    async def test_a_replay_has_a_limit(
        self, owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool
    ) -> None:
        """The page says so before and after."""
        await add_deliveries(pool, await endpoint_of(api, receiver.url), 3)
        asked = await owner.get(f"{PATH}/replay")
        await owner.post(f"{PATH}/replay")
        await eventually(lambda: len(receiver.received) == 2)

        assert "2" == asked.by_test_id("replay-count")
        assert "There are more" in asked.text
        assert "There are more" in (await owner.get(PATH)).text


async def test_deliveries_of_others_do_not_exist(
    owner: Browser, administrator: Administrator, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """Neither shown nor sent again, nor a page that begins after them; nor in the other mode."""
    theirs = await administrator.key(await administrator.merchant())
    client = ApiClient(api.session, api.url, key=theirs.key, secret=theirs.secret)
    await endpoint_of(client, receiver.url)
    await client.post("/orders", {"amount": 500})
    [own] = await add_deliveries(pool, await endpoint_of(api, receiver.url), 1)
    [other] = await add_deliveries(pool, await endpoint_of(client, receiver.url), 1)
    await pool.execute(
        "UPDATE webhook_logs SET merchant_id = $1 WHERE id = $2::text::uuid",
        theirs.merchant_id,
        other,
    )
    for delivery_id in (other, str(uuid4()), "nonsense"):
        assert 404 == (await owner.get(f"{PATH}/deliveries/{delivery_id}")).status
        assert 404 == (await owner.post(f"{PATH}/deliveries/{delivery_id}/retry")).status
    assert [own] == ids_on(await owner.get(PATH))
    assert [] == ids_on(await owner.get(f"{PATH}?after={other}"))
    await owner.post("/dashboard/mode", mode="live", next=PATH)

    assert [] == ids_on(await owner.get(PATH))
    assert 404 == (await owner.get(f"{PATH}/deliveries/{own}")).status


async def test_readers_send_nothing_again(
    people: People, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """They see the log without its buttons."""
    [delivery_id] = await add_deliveries(pool, await endpoint_of(api, receiver.url), 1)
    reader = await people.signed_in("read_only")
    page = await reader.get(PATH)

    assert [delivery_id] == ids_on(page)
    assert not page.has("retry-webhook-button")
    assert not page.has("replay-link")
    assert 403 == (await reader.post(f"{PATH}/deliveries/{delivery_id}/retry")).status
    assert 403 == (await reader.get(f"{PATH}/replay")).status
    assert 403 == (await reader.post(f"{PATH}/replay")).status
