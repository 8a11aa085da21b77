"""checkout.js: what a shop may give it, and what it says about what is missing or wrong."""

from __future__ import annotations

import re
from typing import Any

from tests.browser.sites import ORDER, ROOT, Shop

TYPES = (ROOT / "templates" / "embed" / "checkout.d.ts").read_text()
REQUIRED = ["key", "orderId", "onSuccess", "onFailure", "onClose"]
WRONG = [
    ("{key: 7}", "key must be a string with something in it"),
    ("{orderId: ''}", "orderId must be a string with something in it"),
    ("{onSuccess: 'done'}", "onSuccess must be a function"),
    ("{onClose: {}}", "onClose must be a function"),
    ("{key: 'secret_test_xyz789'}", "key must be the key's id, its secret stays on your server"),
    ("{theme: 'pink'}", "theme must be one of light, dark, auto"),
    ("{theme: 3}", "theme must be one of light, dark, auto"),
    ("{theme: {mode: 'pink'}}", "theme must be one of light, dark, auto"),
    ("{theme: {color: 'red;x'}}", "theme.color must be a colour such as #1d4ed8"),
    (
        "{customerSignature: 'mine'}",
        "customerSignature must be a hex HMAC-SHA256, made on your server",
    ),
    ("{prefill: 'Asha'}", "prefill must be an object"),
    ("{prefill: {email: 1}}", "prefill.email must be a string"),
    (
        "{prefill: {method: 'cash'}}",
        "prefill.method must be one of upi, card, netbanking, wallet",
    ),
    (
        "{prefill: {card: '4242'}}",
        "prefill takes name, email, contact and method, not card",
    ),
    (
        "{key: undefined, onClose: 1, theme: 'pink'}",
        "missing options: key; onClose must be a function; theme must be one of light, dark, auto",
    ),
]


async def refusal(shop: Shop, options: str) -> str:
    """What the constructor says to these options, written in JavaScript; empty if it takes them."""
    said: str = await shop.page.evaluate(
        "source => { try { new PaymentGateway(eval(source)); return '' }"
        " catch (error) { return error instanceof TypeError && error.message } }",
        f"({options})",
    )
    return said


async def test_all_missing_options_are_named(shop: Shop) -> None:
    """One error names everything that is missing, so that nobody mends one after the other."""
    expected = f"PaymentGateway: missing options: {', '.join(REQUIRED)}"
    for options in ("undefined", "null", "{}", "[]", "'key'", "{key: null}"):
        assert expected == await refusal(shop, options)


async def test_wrong_options_are_explained(shop: Shop) -> None:
    """An option of the wrong kind is refused by name; a secret or card data is never repeated."""
    for more, expected in WRONG:
        assert f"PaymentGateway: {expected}" == await refusal(shop, f"options({more})")


async def test_an_unknown_option_is_only_told(shop: Shop) -> None:
    """A name that the script does not know is no reason to sell nothing, but the console has it."""
    async with shop.page.expect_console_message(lambda each: each.type == "warning") as told:
        assert "" == await refusal(shop, "options({order_id: 'x', amount: 5})")

    assert "PaymentGateway: unknown options: order_id, amount" == (await told.value).text


async def test_the_declared_types_are_what_is_accepted(shop: Shop) -> None:
    """checkout.d.ts and the script agree: on names, on what is required, and on the choices."""
    declared = interface("Options")

    assert REQUIRED == [name for name, (optional, _) in declared.items() if not optional]
    for mode in choices(re.findall(r"type Mode = (.+);", TYPES)[0]):
        assert "" == await refusal(shop, f"options({{theme: {mode}}})")
        assert "" == await refusal(shop, f"options({{theme: {{mode: {mode}}}}})")
    samples = {"name": ["'Asha'"], "email": ["'a@b.example'"], "contact": ["'+91'"]}
    samples["method"] = choices(interface("Prefill")["method"][1])
    assert interface("Prefill").keys() == samples.keys()
    for name, values in samples.items():
        for value in values:
            assert "" == await refusal(shop, f"options({{prefill: {{{name}: {value}}}}})")
    assert {"mode", "color"} == interface("Theme").keys()
    assert "" == await refusal(shop, "options({theme: {color: '#1D4ed8'}, prefill: {}})")
    assert {"theme", "prefill", "customerSignature"} == declared.keys() - set(REQUIRED)


async def test_the_declared_methods_are_there(shop: Shop) -> None:
    """The class has the methods of checkout.d.ts and no others that anybody could rely on."""
    body = TYPES.split("declare class PaymentGateway {")[1].split("\n}")[0]
    declared = re.findall(r"^  (\w+)\(\): void;", body, re.MULTILINE)

    assert sorted(declared) == sorted(await shop.page.evaluate("Object.keys(checkout)"))


async def test_the_page_gets_one_new_name(shop: Shop) -> None:
    """`PaymentGateway` is all that the script adds to the page's global names."""
    await shop.open()
    added = await shop.page.evaluate(
        """async () => {
          const bare = document.body.appendChild(document.createElement('iframe'));
          const plain = new Set(Object.getOwnPropertyNames(bare.contentWindow));
          bare.remove();
          return Object.getOwnPropertyNames(window).filter((name) => !plain.has(name));
        }"""
    )
    of_the_test = {"options", "0"}  # the shop's function, and the frame by its number

    assert ["PaymentGateway"] == [name for name in added if name not in of_the_test]


async def test_a_copy_of_the_script_says_what_is_wrong(shop: Shop) -> None:
    """Evaluated from somewhere else it cannot know its gateway, and says so."""
    source = (ROOT / "templates" / "embed" / "checkout.js").read_text()
    said = await shop.page.evaluate(
        "source => { (0, eval)(source);"
        " try { new PaymentGateway(options()) } catch (error) { return error.message } }",
        source,
    )

    assert "checkout.js must be loaded from the gateway, with a classic script tag" in said


async def test_a_page_without_an_origin_is_refused(shop: Shop) -> None:
    """In a sandbox, where nobody could be told anything, it says so instead of opening."""
    shop.site.pages["/inner"] = (
        f"<!doctype html><script src='{shop.gateway.url}/checkout.js'></script>"
        f"<script src='{shop.site.url}/shop.js'></script><script>"
        "try { checkout.open(); parent.postMessage('opened', '*') }"
        " catch (error) { parent.postMessage(error.message, '*') }</script>"
        "<button id=pay></button><p id=long></p>"
    )
    said = await shop.page.evaluate(
        """() => new Promise((said) => {
          addEventListener('message', (event) => said(event.data), {once: true});
          const frame = document.createElement('iframe');
          frame.sandbox = 'allow-scripts';
          frame.src = '/inner';
          document.body.append(frame);
        })"""
    )

    assert "PaymentGateway: the page must come from an http or https address" == said


async def test_the_frame_is_told_where_and_for_whom(shop: Shop) -> None:
    """Order, key, origin, looks and the shop's word go with the address; names never do."""
    prefill = "{name: 'Asha Rao', email: 'asha@shop.example', contact: '+91 99', method: 'upi'}"
    await shop.page.evaluate(
        f"new PaymentGateway(options({{theme: {{mode: 'dark', color: '#0a7d55'}},"
        f" prefill: {prefill}, customerSignature: '{'0a' * 32}'}})).open()"
    )
    await shop.loading.wait_for(state="hidden")
    frame = await shop.frame()
    fragment: Any = await frame.evaluate("JSON.parse(decodeURIComponent(location.hash.slice(9)))")
    query = await frame.evaluate("Object.fromEntries(new URLSearchParams(location.search))")

    assert {
        "order_id": ORDER,
        "embedded": "true",
        "key": "key_test_abc123",
        "origin": shop.site.url,
        "theme": "dark",
        "color": "#0a7d55",
        "customer_signature": "0a" * 32,
    } == query
    assert "asha@shop.example" == fragment["email"]
    assert {"name", "email", "contact", "method"} == fragment.keys()
    assert [] == [target for target in shop.gateway.seen if "sha" in target or "99" in target]


def interface(name: str) -> dict[str, tuple[bool, str]]:
    """The members of a declared interface: whether each is optional, and its type."""
    body = TYPES.split(f"interface {name} {{")[1].split("\n  }")[0]
    members = re.findall(r"^    (\w+)(\??): (.+);$", body, re.MULTILINE)
    return {member: (mark == "?", kind) for member, mark, kind in members}


def choices(union: str) -> list[str]:
    """The string literals of a union type, quotes and all."""
    return [choice.strip() for choice in union.split("|")]
