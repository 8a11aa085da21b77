"""Mails that lead customers to what they are to pay."""

from __future__ import annotations

import aiohttp

from gateway.settings import Settings
from tests.bills.merchant import Merchant
from tests.checkout.gateways import running
from tests.dashboard.test_mail import MailServer, mail_server

__all__ = ["mail_server"]


async def test_links_are_mailed(
    settings: Settings,
    session: aiohttp.ClientSession,
    mail_server: MailServer,
) -> None:
    """When they are made, where that was asked for, and whenever the merchant wants it."""
    with_mail = {
        "smtp_url": Settings(smtp_url=f"smtp://127.0.0.1:{mail_server.port}").smtp_url,
        "smtp_from": "pay@gateway.example",
    }
    async with running(settings, session, **with_mail) as (gateway, _, _):
        merchant = Merchant(session, f"http://127.0.0.1:{gateway.port}")
        asha = {"email": "asha@example.com"}
        link = await merchant.link(
            customer=asha, notify={"email": 1}, reference_id="R5", description="Tea"
        )
        quiet = await merchant.link(customer=asha)
        nobody = await merchant.link()
        path = f"/payment_links/{quiet['id']}/notify_by/email"
        assert {"success": True} == await merchant.done("POST", path)
        for error in (
            await merchant.refused("POST", f"/payment_links/{nobody['id']}/notify_by/email"),
            await merchant.refused("POST", path.replace("email", "sms")),
        ):
            assert error["description"]
        mail_server.refuses = True
        status, content = await merchant.call("POST", path)
        assert (503, "SERVER_ERROR") == (status, content["error"]["code"])

    assert 2 == len(mail_server.mails)
    [recipients, mail], [_, later] = mail_server.mails
    assert ["rcpt to:<asha@example.com>"] == [each.lower() for each in recipients]
    for part in (link["short_url"], "R5", "Tea"):
        assert part in mail
    assert quiet["short_url"] in later
