"""`sandbox`: processors that are simulated, to develop and test against."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["sandbox"]


@click.group()
def sandbox() -> None:
    """Simulated processors, on this machine, until a signal ends them."""


@sandbox.command(context_settings={"show_default": True})
@click.option("--host", default="127.0.0.1", help="Where to listen for merchants.")
@click.option("--port", default=8090, help="For merchants; 0: one that is free.")
@click.option("--control-port", default=0, help="For tests, on loopback; 0: one that is free.")
@click.option("--login-id", default="sandboxlogin", help="API login id, 25 characters at most.")
@click.option("--transaction-key", default="sandboxkey123456", help="16 characters at most.")
@click.option(
    "--signature-key",
    default="0123456789ABCDEF" * 8,
    show_default="0123456789ABCDEF, eight times",
    help="Webhooks are signed with this text.",
)
@click.option("--strict/--lenient", default=True, help="Refuse members out of order with E00003.")
@click.option("--currency", "currencies", multiple=True, help="What the account takes.")
@click.option("--duplicate-window-seconds", default=120, help="Where the request names none.")
@click.option(
    "--unsettled-refund-code",
    type=click.Choice(["54", "50"]),
    default="54",
    help="What the refund of a captured, unsettled transaction is told.",
)
@click.option("--reject-avs", default="", help="AVS results that are declined (27), such as NG.")
@click.option("--reject-cvv", default="", help="Card code results that are declined (65).")
@click.option("--cut-off-hour", type=click.IntRange(0, 23), default=0, help="Of settlement, UTC.")
@click.option("--authorization-days", default=30, help="After which authorizations expire.")
@click.option("--nonce-seconds", default=900, help="How long nonces can be used.")
@click.option("--deliver-anywhere", is_flag=True, help="Post webhooks beyond this machine, too.")
@click.option("--delivery-attempts-max", default=3, help="Of one webhook.")
@click.option("--delivery-retry-seconds", default=1.0, help="Before the second; then doubled.")
@click.option("--delivery-timeout-seconds", default=10.0, help="For one attempt.")
@click.option("--deliveries-max", default=1_000, help="Webhooks under way or held.")
@click.option("--deliveries-at-once", default=16, help="Webhooks posted side by side.")
@click.option("--notifications-max", default=10_000, help="Webhooks remembered.")
@click.option("--webhooks-max", default=100, help="Endpoints of an account.")
@click.option("--accounts-max", default=20, help="Accounts, the first included.")
@click.option("--transactions-max", default=100_000, help="Of an account.")
@click.option("--profiles-max", default=10_000, help="Customers of an account.")
@click.option("--payment-profiles-max", default=10, help="Cards of a customer.")
@click.option("--nonces-max", default=10_000, help="Unused ones of an account.")
@click.option("--requests-max", default=10_000, help="Requests remembered.")
@click.option("--faults-max", default=100, help="Faults armed at a time.")
@click.option("--fault-seconds-max", default=600.0, help="How long an answer can be delayed.")
@click.option("--body-bytes-max", default=256 * 1024, help="Of a request.")
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
