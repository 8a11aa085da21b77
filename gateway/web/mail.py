"""Mail to people: plain text, through the operator's own server, off the event loop."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.utils import make_msgid
from urllib.parse import unquote, urlsplit

import structlog

__all__ = ["MailNotSent", "Mailer"]

logger = structlog.get_logger(__name__)

_SUBMISSION_PORT = 587
_TLS_PORT = 465
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class MailNotSent(Exception):
    """The server was not reached, or did not take the mail."""


class Mailer:
    """Sends through `smtp://user:password@host:port` or, encrypted from the start, `smtps://…`.

    With `smtp` the connection is encrypted as soon as the server offers it; a password goes over an
    encrypted connection only, or to this machine.
    """

    def __init__(self, url: str, sender: str, *, timeout_seconds: float, waiting_max: int) -> None:
        self._parts = urlsplit(url)
        self._sender = sender
        self._timeout_seconds = timeout_seconds
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="mail")
        self._places = threading.BoundedSemaphore(waiting_max)

    async def send(self, recipient: str, subject: str, text: str) -> None:
        """Hand the mail to the server. Raises MailNotSent."""
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = recipient
        message["Subject"] = subject
        message["Message-ID"] = make_msgid(domain=self._sender.rpartition("@")[2].strip("> "))
        message.set_content(text)
        if not self._places.acquire(blocking=False):
            raise MailNotSent("too many mails wait")
        future = self._executor.submit(self._send, message)
        future.add_done_callback(lambda _: self._places.release())
        try:
            await asyncio.wrap_future(future)
        except (OSError, smtplib.SMTPException) as error:
            # Not its text: servers repeat addresses in it.
            logger.warning("mail_not_sent", error=type(error).__name__)
            raise MailNotSent(type(error).__name__) from error

    def close(self) -> None:
        """Drop what waits; a mail under way ends by its timeout."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _send(self, message: EmailMessage) -> None:
        with self._connected() as server:
            if self._parts.username is not None:
                self._log_in(server)
            server.send_message(message)

    def _connected(self) -> smtplib.SMTP:
        parts, context = self._parts, ssl.create_default_context()
        host, seconds = parts.hostname or "", self._timeout_seconds
        if parts.scheme == "smtps":
            port = parts.port or _TLS_PORT
            return smtplib.SMTP_SSL(host, port, timeout=seconds, context=context)
        server = smtplib.SMTP(host, parts.port or _SUBMISSION_PORT, timeout=seconds)
        try:
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server

    def _log_in(self, server: smtplib.SMTP) -> None:
        if not isinstance(server.sock, ssl.SSLSocket) and self._parts.hostname not in _LOOPBACK:
            raise smtplib.SMTPNotSupportedError("the connection is not encrypted")
        server.login(unquote(self._parts.username or ""), unquote(self._parts.password or ""))
