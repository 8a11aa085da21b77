"""The developers' docs: complete, the merchant's own, without secrets, and what they say works."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import sys
from html import unescape
from pathlib import Path

import playwright
import pytest

from gateway.domain.roles import MERCHANT_ROLES
from gateway.security.signatures import checkout_signature
from gateway.seeding import TEST_KEY, TEST_SECRET, TEST_WEBHOOK_SECRET
from gateway.web.dashboard.docs import DOCS_LANGUAGES, fill_snippet
from tests.dashboard.people import Browser, Page, People
from tests.web.client import ApiClient
from tests.web.merchants import Administrator

NODE = Path(playwright.__file__).parent / "driver" / "node"  # comes with the browser's driver
TEST_IDS = [
    "api-docs",
    "section-create-order",
    "code-snippet-create-order",
    "section-sdk-integration",
    "code-snippet-sdk",
    "section-webhook-verification",
    "code-snippet-webhook",
]
ORDER, PAYMENT = "order_0123456789abcdef", "pay_0123456789abcdef"
BODY = '{"event":"payment.success","data":{"note":"₹"}}'
SECRETS = {"API_SECRET": TEST_SECRET, "WEBHOOK_SECRET": TEST_WEBHOOK_SECRET}

each_language = pytest.mark.parametrize("language", DOCS_LANGUAGES)


def code(page: Page, name: str) -> str:
    """What a merchant would copy."""
    found = re.search(rf'data-test-id="code-snippet-{name}">([^<]*)</pre>', page.text)
    assert found, f"no snippet {name} on this page"
    return unescape(found[1])


async def run(*command: str | Path, given: str = "") -> str:
    """What a program prints that must succeed, with the secrets in its environment."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **SECRETS},
    )
    output, errors = await process.communicate(given.encode())
    assert 0 == process.returncode, errors.decode()
    return output.decode().strip()


@each_language
async def test_the_page_is_complete(owner: Browser, language: str) -> None:
    """Every section and snippet is there in every language, with the merchant's own key in it."""
    page = await owner.get(f"/dashboard/docs?in={language}")

    assert 200 == page.status
    assert [] == [name for name in TEST_IDS if not page.has(name)]
    assert TEST_KEY in code(page, "create-order")
    assert TEST_KEY in code(page, "sdk")
    assert f"{owner.url}/checkout.js" in code(page, "sdk")
    assert f"{owner.url}/api/v1/orders" in code(page, "create-order")
    assert [DOCS_LANGUAGES[language]] * 3 == re.findall(r'aria-current="true">(\w+)<', page.text)


async def test_an_unknown_language_is_the_first(owner: Browser) -> None:
    """What nobody writes in shows the snippets for curl, and is no markup on the page."""
    page = await owner.get("/dashboard/docs?in=%3Cscript%3Ecobol")

    assert 200 == page.status
    assert code(page, "create-order").startswith("curl ")
    assert "<script>cobol" not in page.text


@pytest.mark.parametrize("role", MERCHANT_ROLES)
async def test_secrets_are_on_no_page(people: People, role: str) -> None:
    """Whoever looks, whatever the language: neither the key's secret nor the webhook's."""
    browser = await people.signed_in(role)
    for language in DOCS_LANGUAGES:
        page = await browser.get(f"/dashboard/docs?in={language}")
        assert 200 == page.status
        assert TEST_SECRET not in page.text
        assert TEST_WEBHOOK_SECRET not in page.text


async def test_operators_have_no_docs(people: People) -> None:
    """An operator belongs to no merchant and has no key to fill in."""
    operator = await people.signed_in("operator")

    assert 403 == (await operator.get("/dashboard/docs")).status


async def test_the_docs_need_a_session(browser: Browser) -> None:
    """Nobody who is not signed in sees a merchant's key."""
    page = await browser.get("/dashboard/docs")

    assert (303, True) == (page.status, page.location.startswith("/login"))


async def test_each_merchant_sees_its_own_key(people: People, administrator: Administrator) -> None:
    """Another merchant's page has that merchant's key alone."""
    other = await administrator.key(await administrator.merchant())
    page = await (await people.signed_in("developer", other.merchant_id)).get("/dashboard/docs")

    assert other.key in code(page, "create-order")
    assert TEST_KEY not in page.text


async def test_without_a_key_there_is_a_blank_to_fill(owner: Browser) -> None:
    """Live data without a live key: the page says so and shows where the key would stand."""
    await owner.post("/dashboard/mode", mode="live", next="/dashboard/docs")
    page = await owner.get("/dashboard/docs")

    assert "key_live_…" in code(page, "create-order")
    assert "There is none for live data yet" in page.text
    assert TEST_KEY not in page.text
    assert not page.has("section-test-instruments")


async def test_a_strange_host_is_only_text(owner: Browser) -> None:
    """The host that a request names is shown as text; markup in it does nothing."""
    page = await owner.get("/dashboard/docs", Host='evil"><script>alert(1)</script>')

    assert "<script>alert" not in page.text


@pytest.mark.parametrize("language", ["curl", "python", "node"])
async def test_the_order_snippets_make_an_order(
    owner: Browser, api: ApiClient, language: str
) -> None:
    """Copied and run with the secret in the environment, each makes the order."""
    snippet = code(await owner.get(f"/dashboard/docs?in={language}"), "create-order")
    output = await run(
        *{
            "curl": ("sh", "-euc", snippet.replace("curl ", "curl -sS ")),
            "python": (sys.executable, "-c", snippet),
            "node": (NODE, "-e", snippet),
        }[language]
    )
    order_id = json.loads(output)["id"] if language == "curl" else output
    order = (await api.get(f"/orders/{order_id}")).json

    assert (50_000, "INR", "cart-1042") == (order["amount"], order["currency"], order["receipt"])


@pytest.mark.parametrize("name", ["verify-payment", "webhook"])
@pytest.mark.parametrize("language", ["python", "node"])
async def test_the_verifying_snippets_tell_true_from_forged(language: str, name: str) -> None:
    """Each accepts the gateway's signature, and no changed, shortened or odd one."""
    if name == "webhook":
        true = hmac.new(TEST_WEBHOOK_SECRET.encode(), BODY.encode(), hashlib.sha256).hexdigest()
    else:
        true = checkout_signature(ORDER, PAYMENT, TEST_SECRET)
    candidates = [true, true[::-1], true[:-1], "", "zz" * 32]
    check = {"python": in_python, "node": in_node}[language]

    assert [True, False, False, False, False] == await check(name, candidates)


async def in_python(name: str, signatures: list[str]) -> list[bool]:
    called = (
        f"is_from_the_gateway({BODY!r}.encode(), each)"
        if name == "webhook"
        else f"is_paid({ORDER!r}, {PAYMENT!r}, each)"
    )
    text = snippet(f"{name}.python")
    end = f"\nimport json\nprint(json.dumps([{called} for each in {signatures!r}]))"
    found: list[bool] = json.loads(await run(sys.executable, "-c", text + end))
    return found


async def in_node(name: str, signatures: list[str]) -> list[bool]:
    called = (
        f"isFromTheGateway(Buffer.from({json.dumps(BODY)}), each)"
        if name == "webhook"
        else f"isPaid({ORDER!r}, {PAYMENT!r}, each)"
    )
    end = f"\nconsole.log(JSON.stringify({json.dumps(signatures)}.map((each) => {called})))"
    found: list[bool] = json.loads(await run(NODE, "-e", snippet(f"{name}.node") + end))
    return found


async def test_the_shells_signatures_are_the_same(tmp_path: Path) -> None:
    """What openssl prints for a payment and for a webhook's body is the gateway's signature."""
    (tmp_path / "body.json").write_text(BODY)
    payment = f"ORDER_ID={ORDER} PAYMENT_ID={PAYMENT}\n{snippet('verify-payment.curl')}"
    webhook = f"cd {tmp_path}\n{snippet('webhook.curl')}"
    expected = hmac.new(TEST_WEBHOOK_SECRET.encode(), BODY.encode(), hashlib.sha256).hexdigest()

    assert (await run("sh", "-euc", payment)).endswith(
        checkout_signature(ORDER, PAYMENT, TEST_SECRET)
    )
    assert (await run("sh", "-euc", webhook)).endswith(expected)


def snippet(name: str) -> str:
    return fill_snippet(name, gateway_url="https://pay.example/", key_id=TEST_KEY)


def test_the_php_snippets_compare_in_constant_time() -> None:
    """PHP is not here to run them: they sign with the right function and compare as they should."""
    for name in ("verify-payment.php", "webhook.php"):
        assert "hash_hmac('sha256'" in snippet(name)
        assert "hash_equals(" in snippet(name)
    assert "https://pay.example/api/v1/orders" in snippet("create-order.php")
    assert f"{TEST_KEY}:' . getenv('API_SECRET')" in snippet("create-order.php")
