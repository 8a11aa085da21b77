"""Small web sites on loopback ports, each an origin of its own, and a shop that uses the script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from playwright.async_api import Frame, FrameLocator, Locator, Page

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "templates" / "embed" / "checkout.js"
ORDER = "order_0123456789abcdef"
PAYMENT = "pay_0123456789abcdef"
SIGNATURE = "0f" * 32
SUCCESS = {"paymentId": PAYMENT, "orderId": ORDER, "signature": SIGNATURE}
FAILURE = {
    "code": "PAYMENT_FAILED",
    "description": "Your bank declined the payment",
    "reason": "payment_declined",
    "orderId": ORDER,
}

# A frame that says it works when told to, and whatever a test wants it to say.
FRAME = """<!doctype html><title>frame</title>
<body><button id=first>first</button> <button id=last>last</button><script>
  const shop = new URLSearchParams(location.search).get("origin");
  const say = (message) => parent.postMessage(message, shop);
  addEventListener("keydown", (event) => event.key === "Escape" && say({type: "close_modal"}));
  %s
</script>"""
READY = FRAME % "say({type: 'checkout_ready'});"
SILENT = FRAME % ""

SHOP = """<!doctype html><html lang=en><title>Shop</title>
<meta name=viewport content="width=device-width, initial-scale=1">
<script src="%(gateway)s/checkout.js"></script><script src=/shop.js></script>
<body><h1>Shop</h1><p><button id=pay>Pay</button> <a href=#elsewhere id=elsewhere>Elsewhere</a></p>
<p id=long>A long page</p></body></html>"""
SHOP_SCRIPT = """
  const orderId = "ORDER";
  const calls = [];
  function options(more) {
    return Object.assign({
      key: "key_test_abc123", orderId,
      onSuccess: (...values) => calls.push(["onSuccess", ...values]),
      onFailure: (...values) => calls.push(["onFailure", ...values]),
      onClose: (...values) => calls.push(["onClose", ...values]),
    }, more);
  }
  const checkout = new PaymentGateway(options());
  const violations = [];
  document.addEventListener("securitypolicyviolation", (event) =>
    violations.push(event.violatedDirective + " " + event.blockedURI));
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("pay").addEventListener("click", checkout.open);
    document.getElementById("long").style.height = "3000px";
  });
""".replace("ORDER", ORDER)


class Site:
    """One origin. `pages` may be changed while it runs; `seen` are the targets asked for."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.pages: dict[str, str | Callable[[web.Request], Any]] = {}
        self.headers: Mapping[str, str] = {}
        self.seen: list[str] = []
        self.url = ""
        self._host = host
        application = web.Application()
        application.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, 0).start()
        self.url = f"http://{self._host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(str(request.rel_url))
        page = self.pages.get(request.path)
        if page is None:
            raise web.HTTPNotFound
        if callable(page):
            answer: web.StreamResponse = await page(request)
            return answer
        kind = "text/javascript" if request.path.endswith(".js") else "text/html"
        return web.Response(text=page, content_type=kind, charset="utf-8", headers=self.headers)


@asynccontextmanager
async def running(*sites: Site) -> AsyncIterator[None]:
    """The sites, while they serve."""
    try:
        for site in sites:
            await site.start()
        yield
    finally:
        for site in sites:
            await site.stop()


class Shop:
    """A page that has the script, and the frame that the script opens.

    `faults` are the errors that nobody caught on the page.
    """

    def __init__(self, page: Page, site: Site, gateway: Site) -> None:
        self.page = page
        self.site = site
        self.gateway = gateway
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(error.message))

    async def visit(self) -> None:
        """Open the shop's page; nothing is opened over it yet."""
        self.site.pages["/"] = SHOP % {"gateway": self.gateway.url}
        self.site.pages["/shop.js"] = SHOP_SCRIPT
        await self.page.goto(f"{self.site.url}/")

    async def stop_clock(self) -> None:
        """From here the page's timers move only with `page.clock.run_for`."""
        await self.page.clock.install(time=0)
        await self.page.clock.pause_at(1000)

    async def open(self) -> Frame:
        """Click on "Pay" and wait until the frame works and nothing moves any more."""
        await self.page.click("#pay")
        await self.loading.wait_for(state="hidden")
        await self.modal.evaluate(
            "modal => Promise.all(modal.getAnimations().map((each) => each.finished))"
        )
        return await self.frame()

    async def frame(self, index: int = 0) -> Frame:
        """The script's frame, to run things in it."""
        element = await self.by("payment-iframe").nth(index).element_handle()
        assert element is not None
        frame = await element.content_frame()
        assert frame is not None
        return frame

    async def say(self, kind: str, data: object = None) -> None:
        """Let the frame send a message to the shop, and wait until the shop has got it."""
        await self.listen()
        await (await self.frame()).evaluate("m => say(m)", {"type": kind, "data": data})
        await self.heard()

    async def listen(self) -> None:
        """Count messages from now on."""
        await self.page.evaluate(
            "() => { window.heard = 0; addEventListener('message', () => heard++, {once: true}); }"
        )

    async def heard(self) -> None:
        """Wait for a message since `listen`; the script's own listener was there before."""
        await self.page.wait_for_function("heard > 0")

    async def calls(self) -> list[list[Any]]:
        """The callbacks so far, each with its arguments."""
        called: list[list[Any]] = await self.page.evaluate("calls")
        return called

    def by(self, test_id: str) -> Locator:
        return self.page.locator(f'[data-test-id="{test_id}"]')

    @property
    def modal(self) -> Locator:
        return self.by("payment-modal")

    @property
    def loading(self) -> Locator:
        return self.by("modal-loading")

    @property
    def error(self) -> Locator:
        return self.by("modal-error")

    @property
    def inside(self) -> FrameLocator:
        return self.page.frame_locator('[data-test-id="payment-iframe"]')
