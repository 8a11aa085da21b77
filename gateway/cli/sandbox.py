"""`sandbox`: processors that are simulated, to develop and test against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["sandbox"]

_PORT = click.IntRange(0, 65_535)
_COUNT = click.IntRange(min=1)
_SECONDS = click.FloatRange(min=0)


def _of_length(longest: int) -> Callable[[click.Context, click.Parameter, str], str]:
    """Refuses what no request could bring: the schema has a limit."""

    def check(_context: click.Context, _parameter: click.Parameter, text: str) -> str:
        if not 1 <= len(text) <= longest:
            raise click.BadParameter(f"it has 1 to {longest} characters")
        return text

    return check


@click.group()
def sandbox() -> None:
    """Simulated processors, on this machine, until a signal ends them."""


@sandbox.command(context_settings={"show_default": True})
@click.option("--host", default="127.0.0.1", help="Where to listen for merchants.")
@click.option("--port", type=_PORT, default=8090, help="For merchants; 0: one that is free.")
@click.option("--control-port", type=_PORT, default=0, help="For tests, on loopback; 0: any.")
@click.option(
    "--login-id",
    default="sandboxlogin",
    callback=_of_length(25),
    help="API login id, 25 characters at most.",
)
@click.option(
    "--transaction-key",
    default="sandboxkey123456",
    callback=_of_length(16),
    help="16 characters at most.",
)
@click.option(
    "--signature-key",
    default="0123456789ABCDEF" * 8,
    show_default="0123456789ABCDEF, eight times",
    help="Webhooks are signed with this text.",
)
@click.option("--strict/--lenient", default=True, help="Refuse members out of order with E00003.")
@click.option("--currency", "currencies", multiple=True, help="Taken; repeatable. None: six.")
@click.option(
    "--duplicate-window-seconds",
    type=click.IntRange(0, 28_800),
    default=120,
    help="Where the request names none.",
)
@click.option(
    "--unsettled-refund-code",
    type=click.Choice(["54", "50"]),
    default="54",
    help="What the refund of a captured, unsettled transaction is told.",
)
@click.option("--reject-avs", default="", help="AVS results that are declined (27), such as NG.")
@click.option("--reject-cvv", default="", help="Card code results that are declined (65).")
@click.option("--cut-off-hour", type=click.IntRange(0, 23), default=0, help="Of settlement, UTC.")
@click.option(
    "--authorization-days", type=_COUNT, default=30, help="After which authorizations expire."
)
@click.option("--nonce-seconds", type=_COUNT, default=900, help="How long nonces can be used.")
@click.option(
    "--deliver-anywhere",
    is_flag=True,
    default=False,
    help="Post webhooks beyond this machine, too.",
)
@click.option("--delivery-attempts-max", type=_COUNT, default=3, help="Of one webhook.")
@click.option(
    "--delivery-retry-seconds", type=_SECONDS, default=1.0, help="Before the second; then doubled."
)
@click.option("--delivery-timeout-seconds", type=_SECONDS, default=10.0, help="For one attempt.")
@click.option("--deliveries-max", type=_COUNT, default=1_000, help="Webhooks under way or held.")
@click.option("--deliveries-at-once", type=_COUNT, default=16, help="Webhooks posted side by side.")
@click.option("--notifications-max", type=_COUNT, default=10_000, help="Webhooks remembered.")
@click.option("--webhooks-max", type=_COUNT, default=100, help="Endpoints of an account.")
@click.option("--accounts-max", type=_COUNT, default=20, help="Accounts, the first included.")
@click.option("--transactions-max", type=_COUNT, default=100_000, help="Of an account.")
@click.option("--profiles-max", type=_COUNT, default=10_000, help="Customers of an account.")
@click.option("--payment-profiles-max", type=_COUNT, default=10, help="Cards of a customer.")
@click.option("--nonces-max", type=_COUNT, default=10_000, help="Unused ones of an account.")
@click.option("--requests-max", type=_COUNT, default=10_000, help="Requests remembered.")
@click.option("--faults-max", type=_COUNT, default=100, help="Faults armed at a time.")
@click.option(
    "--fault-seconds-max", type=_SECONDS, default=600.0, help="How long an answer can be delayed."
)
@click.option("--body-bytes-max", type=_COUNT, default=256 * 1024, help="Of a request.")
def authorizenet(currencies: tuple[str, ...], **chosen: Any) -> None:
    """Simulate Authorize.Net: JSON API, webhooks, settlement, and faults to arm.

    Everything is in memory and forgotten at the end. The keys of the defaults are public.
    """
    import asyncio

    from gateway.cli.sandbox_serving import serve_authorizenet
    from gateway.sandbox.authorizenet import Options

    if currencies:
        chosen["currencies"] = currencies
    try:
        asyncio.run(serve_authorizenet(Options(**chosen)))
    except OSError as error:
        raise click.ClickException(f"Cannot listen there: {error.strerror}") from None
