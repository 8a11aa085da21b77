"""The webhooks page: the one URL and its secret, endpoints, and who may do what with them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from gateway.app import Gateway
from gateway.seeding import TEST_PASSWORD
from gateway.storage.pool import Pool
from tests.dashboard.people import PASSWORD, Browser, Page, People
from tests.support import eventually
from tests.web.client import ApiClient
from tests.web.merchants import Administrator
from tests.webhooks.receivers import Receiver

PATH = "/dashboard/webhooks"
SECRET = "whsec_test_abc123"
HOSTILE = '<script>alert(1)</script>"{{7*7}}'


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A merchant's server that takes everything."""
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


async def endpoint_of(api: ApiClient, url: str, **fields: object) -> str:
    """The id of a new endpoint."""
    made = await api.post("/webhook-endpoints", {"url": url, **fields})
    assert 201 == made.status, made.json
    found: str = made.json["id"]
    return found


def secret_on(page: Page) -> str:
    return page.by_test_id("webhook-secret")


async def test_the_url_is_set_tried_and_taken_away(
    owner: Browser, api: ApiClient, receiver: Receiver
) -> None:
    """It is what the API then says; a test arrives, and stands in the log; empty means none."""
    await owner.post(f"{PATH}/url", webhook_url=receiver.url)
    shown = await owner.get(PATH)
    profile = (await api.get("/merchant")).json
    tested = await owner.post(f"{PATH}/test")
    await eventually(lambda: receiver.received)
    log = await eventually(lambda: delivered(owner))
    overview = await owner.get("/dashboard")
    await owner.post(f"{PATH}/url", webhook_url="")

    assert overview.has("webhooks-link")
    assert receiver.url in shown.text
    assert receiver.url == profile["webhook_url"]
    assert (303, PATH) == (tested.status, tested.location)
    assert "webhook.test" == log.by_test_id("webhook-event")
    assert ("1", "200") == (
        log.by_test_id("webhook-attempts"),
        log.by_test_id("webhook-response-code"),
    )
    assert (await api.get("/merchant")).json["webhook_url"] is None


async def delivered(browser: Browser) -> Page | None:
    page = await browser.get(PATH)
    return page if page.has("webhook-log-item") and "Success" in page.text.title() else None


@pytest.mark.parametrize(
    "url",
    ["nonsense", "ftp://shop.example", "http://169.254.169.254/latest", f"https://x/{'a' * 3000}"],
)
async def test_an_address_that_cannot_be_is_said_beside_the_form(
    owner: Browser, api: ApiClient, url: str
) -> None:
    """What was typed is still there; nothing was changed."""
    before = (await api.get("/merchant")).json["webhook_url"]
    page = await owner.post(f"{PATH}/url", webhook_url=url)

    assert 400 == page.status
    assert page.has("form-error")
    assert url in page.text
    assert before == (await api.get("/merchant")).json["webhook_url"]


async def test_a_test_without_a_url_is_refused(owner: Browser) -> None:
    """The page says why."""
    await owner.post(f"{PATH}/url", webhook_url="")
    page = await owner.post(f"{PATH}/test")

    assert 400 == page.status
    assert "Webhook URL not configured." in page.text


async def test_a_sandboxes_secret_is_there_for_the_owner_alone(
    owner: Browser, people: People
) -> None:
    """Others see dots; in live mode the owner does, too."""
    developer = await people.signed_in("developer")
    own, other = await owner.get(PATH), await developer.get(PATH)
    await owner.post("/dashboard/mode", mode="live", next=PATH)
    live = await owner.get(PATH)

    assert SECRET == secret_on(own)
    assert "whsec_••••••••••••" == secret_on(other)
    assert "••••" in secret_on(live)
    assert "no-store" == own.headers["Cache-Control"]
    assert not other.has("reveal-secret-button")


async def test_a_new_secret_is_shown_once_and_signs(
    owner: Browser, people: People, api: ApiClient, pool: Pool
) -> None:
    """To a developer, too; not on the next page, nor in the trail."""
    developer = await people.signed_in("developer")
    page = await developer.post(f"{PATH}/secret")
    secret = secret_on(page)
    again = await developer.get(PATH)
    trail = await pool.fetch("SELECT * FROM audit_logs")

    assert re.fullmatch(r"whsec_[A-Za-z0-9+/=]{32,}", secret)
    assert secret == (await api.get("/merchant")).json["webhook_secret"]
    assert secret not in again.text + str(trail)
    assert "webhook_endpoint.secret_rotated" in {each["action"] for each in trail}


async def test_the_secret_is_shown_after_the_password(
    gateway: Gateway, owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """Some minutes after signing in; noted only when it was shown."""
    endpoint = f"{PATH}/endpoints/{await endpoint_of(api, receiver.url, secret='whsec_of_its_own')}"
    gateway.clock.advance(300)
    asked = await owner.post(f"{endpoint}/reveal")
    wrong = await owner.post(f"{endpoint}/reveal", password="wrong password")
    query = "SELECT count(*) FROM audit_logs WHERE action = 'webhook_endpoint.secret_revealed'"
    noted = await pool.fetchval(query)
    right = await owner.post(f"{endpoint}/reveal", password=TEST_PASSWORD)
    default = await owner.post(f"{PATH}/reveal")

    assert (200, 400) == (asked.status, wrong.status)
    assert asked.has("confirm-form")
    assert "whsec_of_its_own" not in asked.text + wrong.text
    assert "••••" in secret_on(await owner.get(endpoint))
    assert 0 == noted
    assert "whsec_of_its_own" == secret_on(right)
    assert SECRET == secret_on(default)
    assert "no-store" == right.headers["Cache-Control"]
    assert 2 == await pool.fetchval(query)


async def test_endpoints_are_added_changed_and_removed(
    owner: Browser, api: ApiClient, receiver: Receiver
) -> None:
    """With what was chosen; the secret is on the page after adding, and on no other."""
    added = await owner.post(
        f"{PATH}/endpoints",
        url=receiver.url,
        description=HOSTILE,
        format="gateway",
        which="some",
        gateway_events=["payment.success", "refund.created"],
    )
    endpoint_id = added.by_test_id("endpoint-id")
    path = f"{PATH}/endpoints/{endpoint_id}"
    made = (await api.get(f"/webhook-endpoints/{endpoint_id}")).json
    listed = await owner.get(PATH)
    saved = await owner.post(
        path, url=receiver.url, description="", format="razorpay", which="all", gateway_events="x"
    )
    changed = (await api.get(f"/webhook-endpoints/{endpoint_id}")).json
    await owner.post(f"{path}/active", active="false")
    off = await owner.get(path)
    removed = await owner.post(f"{path}/delete")

    assert secret_on(added).startswith("whsec_")
    assert "•" not in secret_on(added)
    assert (HOSTILE, ["payment.success", "refund.created"]) == (
        made["description"],
        made["events"],
    )
    assert HOSTILE not in listed.text
    assert "&lt;script&gt;" in listed.text
    assert (303, path) == (saved.status, saved.location)
    assert ("razorpay", ["*"], None) == (
        changed["format"],
        changed["events"],
        changed["description"],
    )
    assert "Off" == off.by_test_id("endpoint-state")
    assert (303, PATH) == (removed.status, removed.location)
    assert 404 == (await owner.get(path)).status


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "nonsense"}, "form-error"),
        ({"format": "xml"}, "form-error"),
        ({"which": "some"}, "Choose at least one event"),
        ({"which": "some", "gateway_events": "payment.invented"}, "form-error"),
        ({"description": "x" * 300}, "form-error"),
    ],
)
async def test_endpoints_that_cannot_be(
    owner: Browser, api: ApiClient, receiver: Receiver, fields: dict[str, str], said: str
) -> None:
    """Neither added nor changed into; the form keeps what was typed."""
    endpoint_id = await endpoint_of(api, receiver.url)
    before = (await api.get("/webhook-endpoints")).json
    whole = {"url": receiver.url, "description": "mine", "format": "gateway", **fields}
    added = await owner.post(f"{PATH}/endpoints", **whole)
    changed = await owner.post(f"{PATH}/endpoints/{endpoint_id}", **whole)

    assert (400, 400) == (added.status, changed.status)
    assert said in added.text
    assert said in changed.text
    assert whole["url"] in added.text
    assert before == (await api.get("/webhook-endpoints")).json


async def test_why_an_endpoint_was_switched_off_is_said(
    owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """On the list and on its page, until it is switched on again."""
    endpoint_id = await endpoint_of(api, receiver.url)
    path = f"{PATH}/endpoints/{endpoint_id}"
    await pool.execute(
        "UPDATE webhook_endpoints SET active = false, disabled_reason = $2 WHERE id = $1",
        endpoint_id,
        f"It said {HOSTILE}",
    )
    listed, shown = await owner.get(PATH), await owner.get(path)
    refused = await owner.post(f"{path}/test")
    await owner.post(f"{path}/active", active="true")

    assert "It said &lt;script&gt;" in listed.text
    assert "It said &lt;script&gt;" in shown.text
    assert 400 == refused.status
    assert not (await owner.get(path)).has("disabled-reason")


async def test_a_rotated_secret_overlaps_as_long_as_was_chosen(
    owner: Browser, api: ApiClient, receiver: Receiver, pool: Pool
) -> None:
    """Not at all for one that has leaked; other times than those offered are refused."""
    endpoint_id = await endpoint_of(api, receiver.url)
    path = f"{PATH}/endpoints/{endpoint_id}/rotate"
    query = "SELECT previous_secret_sealed IS NOT NULL FROM webhook_endpoints WHERE id = $1"
    page = await owner.post(path, overlap="3600")
    overlapping = await pool.fetchval(query, endpoint_id)
    await owner.post(path, overlap="0")

    assert "•" not in secret_on(page)
    assert overlapping
    assert not await pool.fetchval(query, endpoint_id)
    assert 400 == (await owner.post(path, overlap="99999999")).status


async def test_roles_see_and_do_what_they_may(
    people: People, api: ApiClient, receiver: Receiver
) -> None:
    """Everybody of the merchant reads; support sends again; operators see nothing."""
    endpoint_id = await endpoint_of(api, receiver.url)
    endpoint = f"{PATH}/endpoints/{endpoint_id}"
    refusals = {
        f"{PATH}/url": {"webhook_url": receiver.url},
        f"{PATH}/secret": {},
        f"{PATH}/reveal": {"password": PASSWORD},
        f"{PATH}/test": {},
        f"{PATH}/endpoints": {"url": receiver.url, "format": "gateway"},
        endpoint: {"url": receiver.url, "format": "gateway"},
        f"{endpoint}/active": {"active": "false"},
        f"{endpoint}/rotate": {"overlap": "0"},
        f"{endpoint}/reveal": {"password": PASSWORD},
        f"{endpoint}/test": {},
        f"{endpoint}/delete": {},
    }
    for role in ("support", "read_only"):
        browser = await people.signed_in(role)
        page = await browser.get(PATH)

        assert 200 == page.status
        assert not page.has("save-webhook-button")
        assert 200 == (await browser.get(endpoint)).status
        assert 403 == (await browser.get(f"{PATH}/endpoints/new")).status
        for path, fields in refusals.items():
            assert 403 == (await browser.post(path, **fields)).status, (role, path)
    operator = await people.signed_in("operator")

    assert 403 == (await operator.get(PATH)).status
    assert 403 == (await operator.get(endpoint)).status


async def test_endpoints_of_others_and_of_the_other_mode_do_not_exist(
    owner: Browser, administrator: Administrator, receiver: Receiver, api: ApiClient
) -> None:
    """Neither shown nor changed nor listed; ids that are none are not found either."""
    own = await endpoint_of(api, receiver.url)
    theirs = await administrator.key(await administrator.merchant())
    other = await endpoint_of(
        ApiClient(api.session, api.url, key=theirs.key, secret=theirs.secret), receiver.url
    )
    for endpoint_id in (other, "we_nonsense", "%00", "'"):
        path = f"{PATH}/endpoints/{endpoint_id}"

        assert 404 == (await owner.get(path)).status
        for action in ("", "/active", "/rotate", "/reveal", "/test", "/delete"):
            sent = await owner.post(f"{path}{action}", url=receiver.url, format="gateway")
            assert 404 == sent.status, (endpoint_id, action)
    assert other not in (await owner.get(PATH)).text
    await owner.post("/dashboard/mode", mode="live", next=PATH)

    assert 404 == (await owner.get(f"{PATH}/endpoints/{own}")).status


async def test_a_form_without_its_token_changes_nothing(
    owner: Browser, api: ApiClient, receiver: Receiver
) -> None:
    """Neither the URL nor the secret."""
    before = (await api.get("/merchant")).json
    owner.csrf_token = "made up"

    assert 403 == (await owner.post(f"{PATH}/url", webhook_url=receiver.url)).status
    owner.csrf_token = "made up"
    assert 403 == (await owner.post(f"{PATH}/secret")).status
    assert before == (await api.get("/merchant")).json
