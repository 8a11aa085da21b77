"""Invitations by mail, through a server that speaks SMTP; and what happens when it does not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from email import message_from_string, policy

import pytest

from gateway.settings import Settings
from gateway.storage.pool import Pool
from gateway.web.mail import Mailer, MailNotSent
from tests.dashboard.people import Browser


class MailServer:
    """Takes mails, without encryption and without asking who sends them."""

    def __init__(self, extensions: str = "250 SIZE 1000000") -> None:
        self.mails: list[tuple[list[str], str]] = []
        self.commands: list[str] = []
        self.refuses = False
        self.port = 0
        self._extensions = extensions

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())
            await writer.drain()

        await say("220 mail.example")
        recipients: list[str] = []
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            verb = line[:4].upper()
            if verb == "EHLO":
                await say("250-mail.example")
                await say(self._extensions)
            elif verb == "RCPT":
                recipients.append(line)
                await say("550 no such user" if self.refuses else "250 ok")
            elif verb == "DATA":
                await say("354 go on")
                body = (await reader.readuntil(b"\r\n.\r\n")).decode()
                self.mails.append((recipients, body))
                await say("250 ok")
            elif verb == "QUIT":
                await say("221 bye")
                break
            else:
                await say("250 ok")
        writer.close()


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    """Listens on this machine."""
    made = MailServer()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


@pytest.fixture
def settings(settings: Settings, mail_server: MailServer) -> Settings:
    """Mail is sent through the server, links lead to the public address."""
    return Settings(
        **{
            **settings.model_dump(),
            "smtp_url": f"smtp://127.0.0.1:{mail_server.port}",
            "smtp_from": "Gateway <pay@shop.example>",
            "public_url": "https://pay.shop.example",
        }
    )


async def test_an_invitation_goes_out(owner: Browser, mail_server: MailServer) -> None:
    """To the address alone, with a link to the public address that the page does not show."""
    done = await owner.post("/dashboard/team/invitations", email="new@shop.example", role="support")
    page = await owner.get("/dashboard/team")
    [(recipients, text)] = mail_server.mails
    mail = message_from_string(text, policy=policy.default)
    link = re.search(r"https://pay\.shop\.example(/invitations/\S{43})", mail.get_content())

    assert 303 == done.status
    assert "An invitation is on its way to new@shop.example." in page.text
    assert ["rcpt to:<new@shop.example>"] == [each.lower() for each in recipients]
    assert "Join Test Merchant" == mail["Subject"]
    assert "Gateway <pay@shop.example>" == mail["From"]
    assert link is not None
    assert link[1] not in page.text
    assert 200 == (await owner.get(link[1])).status


async def test_a_name_of_two_lines_is_one_subject(
    owner: Browser, mail_server: MailServer, pool: Pool
) -> None:
    """What a merchant calls itself through the API adds no header to a mail."""
    await pool.execute("UPDATE merchants SET name = E'Shop\r\nBcc: all@example.com'")
    await owner.post("/dashboard/team/invitations", email="new@shop.example", role="support")
    [(recipients, text)] = mail_server.mails
    mail = message_from_string(text, policy=policy.default)

    assert "Join Shop Bcc: all@example.com" == mail["Subject"]
    assert mail["Bcc"] is None
    assert 1 == len(recipients)


async def test_a_mail_that_was_refused_loses_nothing(
    owner: Browser, mail_server: MailServer
) -> None:
    """The link is shown instead, and the page says why."""
    mail_server.refuses = True
    page = await owner.post("/dashboard/team/invitations", email="new@shop.example", role="support")

    assert 200 == page.status
    assert "The mail could not be sent" in page.text
    assert page.has("invitation-link")


async def test_no_password_goes_out_in_the_clear() -> None:
    """To another machine that does not encrypt, a password is not sent."""
    made = MailServer("250 AUTH PLAIN")
    server = await asyncio.start_server(made.answer, "127.0.0.2", 0)
    port = server.sockets[0].getsockname()[1]
    mailer = Mailer(
        f"smtp://user:secret@127.0.0.2:{port}",
        "pay@shop.example",
        timeout_seconds=5,
        waiting_max=1,
    )
    with pytest.raises(MailNotSent):
        await mailer.send("new@shop.example", "Hello", "Hello")
    mailer.close()
    server.close()
    await server.wait_closed()

    assert not any(line.upper().startswith("AUTH") for line in made.commands)
    assert [] == made.mails


async def test_nobody_writes_headers_from_outside() -> None:
    """A line break in what becomes a header is refused before anything is sent."""
    mailer = Mailer("smtp://127.0.0.1:9", "pay@shop.example", timeout_seconds=1, waiting_max=1)
    with pytest.raises(ValueError, match="linefeed"):
        await mailer.send("new@shop.example", "Join\r\nBcc: all@example.com", "Hello")
    mailer.close()
