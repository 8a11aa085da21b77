"""docs/checkout.md: its snippets do what they say, and its facts are the script's."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import playwright
import pytest

from gateway.processors import _answers
from gateway.security.signatures import checkout_signature, verify_checkout_signature
from gateway.seeding import TEST_SECRET
from tests.browser.sites import ORDER, PAYMENT, ROOT, Shop

PAGE = (ROOT / "docs" / "checkout.md").read_text()
NODE = Path(playwright.__file__).parent / "driver" / "node"  # comes with the browser's driver
SIGNATURE = checkout_signature(ORDER, PAYMENT, TEST_SECRET)
FORGED = ["", "00", SIGNATURE[:-1], SIGNATURE[::-1], "zz" * 32]


def snippets(language: str) -> list[str]:
    """The page's blocks in this language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def python_verifies(signature: str) -> bool:
    scope: dict[str, Any] = {}
    exec("\n".join(snippets("python")), scope)  # noqa: S102 - the page's own code
    return scope["is_paid"](ORDER, PAYMENT, signature, TEST_SECRET)


def node_verifies(signature: str) -> bool:
    arguments = json.dumps([ORDER, PAYMENT, signature, TEST_SECRET])
    code = f"{snippets('js')[0]}; process.stdout.write(String(isPaid(...{arguments})))"
    done = subprocess.run([NODE, "-e", code], capture_output=True, text=True, check=True)
    return {"true": True, "false": False}[done.stdout]


@pytest.mark.parametrize("verifies", [python_verifies, node_verifies])
def test_the_snippets_tell_true_from_forged(verifies: Callable[[str], bool]) -> None:
    """What a merchant copies accepts the gateway's signature and no other."""

    assert verifies(SIGNATURE)
    assert [False] * len(FORGED) == [verifies(signature) for signature in FORGED]


def test_the_shops_word_is_the_one_that_the_checkout_checks() -> None:
    """What a merchant copies signs order and customer as the gateway verifies it."""
    scope: dict[str, Any] = {}
    exec("\n".join(snippets("python")), scope)  # noqa: S102 - the page's own code
    word = scope["customer_signature"](ORDER, "cust_0000000000000001", TEST_SECRET)

    assert verify_checkout_signature(
        ORDER, "cust_0000000000000001", signature=word, secret=TEST_SECRET
    )


def test_the_php_snippet_compares_in_constant_time() -> None:
    """PHP is not here to run it; it signs the same message and compares as it should."""
    (snippet,) = snippets("php")

    assert "hash_hmac('sha256', $orderId . '|' . $paymentId, $secret)" in snippet
    assert "hash_equals($expected, $signature)" in snippet


async def test_the_pages_own_snippet_opens_the_checkout(shop: Shop) -> None:
    """The script of the first steps, as it stands there, opens the modal for its order."""
    script = re.findall(r"<script>\n(.*?)</script>", snippets("html")[0], re.DOTALL)[0]
    await shop.page.evaluate(
        "code => { const pay = document.getElementById('pay'); pay.replaceWith(pay.cloneNode());"
        " (0, eval)(`(() => {${code}})()`) }",
        script.replace("order_…", ORDER),
    )
    await shop.open()

    assert [] == await shop.calls()
    assert f"order_id={ORDER}" in (await shop.frame()).url


def test_the_table_has_every_option() -> None:
    """The options of the page are those of the declared types, required and optional."""
    types = (ROOT / "templates" / "embed" / "checkout.d.ts").read_text()
    body = types.split("interface Options {")[1].split("\n  }")[0]
    declared = {
        name: "optional" if mark else "required"
        for name, mark in re.findall(r"^    (\w+)(\??):", body, re.MULTILINE)
    }
    told = dict(re.findall(r"^\| `(\w+)` \| (required|optional) \|", PAGE, re.MULTILINE))

    assert declared == told


def test_the_table_has_every_instrument() -> None:
    """The instruments of the page are the simulated bank's, and none of them is left out."""
    section = PAGE.split("## Test instruments")[1]
    told = re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| (.+?) \|", section, re.MULTILINE)))

    assert {*_answers._CARDS, *_answers._VPAS} == {each.replace(" ", "") for each in told}
