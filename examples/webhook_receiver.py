"""Receives the gateway's webhooks and verifies their signatures, with nothing but Python.

    python examples/webhook_receiver.py [--port 9000] [--secret whsec_...]

Copy `verify` into your server: it is all that a merchant needs. Events arrive at least once, so
remember the ids you have handled; answer 2xx within five seconds, or the gateway tries again.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY_BYTES_MAX = 1024 * 1024
READ_SECONDS_MAX = 5
REMEMBERED_EVENTS_MAX = 10_000


def verify(body: bytes, signature: str, secret: str) -> bool:
    """Whether `signature` is the hex HMAC-SHA256 of the body as it came, before any parsing."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())


class Receiver(ThreadingHTTPServer):
    """Listens on this machine only and remembers which events it has seen."""

    daemon_threads = True

    def __init__(self, port: int, secret: str) -> None:
        self.secret = secret
        self._seen: OrderedDict[str, None] = OrderedDict()
        super().__init__(("127.0.0.1", port), Handler)

    def is_new(self, event_id: str) -> bool:
        """False for an event that came before; the oldest are forgotten."""
        if event_id in self._seen:
            return False
        self._seen[event_id] = None
        if len(self._seen) > REMEMBERED_EVENTS_MAX:
            self._seen.popitem(last=False)
        return True


class Handler(BaseHTTPRequestHandler):
    """One webhook: read, verify, say what it is about."""

    server: Receiver
    timeout = READ_SECONDS_MAX

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= BODY_BYTES_MAX:
            self.answer(413)
            return
        body = self.rfile.read(length)
        if not verify(body, self.headers.get("X-Webhook-Signature", ""), self.server.secret):
            print("signature WRONG, ignored", flush=True)
            self.answer(401)
            return
        event_id = self.headers.get("webhook-id", "")
        again = "" if self.server.is_new(event_id) else " (again)"
        print(f"{describe(body)}, signature ok{again}", flush=True)
        self.answer(204)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: each event has its own line already."""


def describe(body: bytes) -> str:
    """For example: `payment.success pay_Abc… success 50000 INR`."""
    event = json.loads(body)
    words = [event["event"]]
    for thing in event["data"].values():
        if isinstance(thing, dict):
            values = (thing.get(field) for field in ("id", "status", "amount", "currency"))
            words += [str(value) for value in values if value is not None]
    return " ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(description="Receive webhooks and verify their signatures.")
    parser.add_argument("--port", type=int, default=9000, help="default: 9000; 0 takes a free one")
    parser.add_argument(
        "--secret",
        default=os.environ.get("WEBHOOK_SECRET", "whsec_test_abc123"),
        help="default: WEBHOOK_SECRET, else the demo's",
    )
    arguments = parser.parse_args()
    receiver = Receiver(arguments.port, arguments.secret)
    print(f"waiting for webhooks on http://127.0.0.1:{receiver.server_port}/", flush=True)
    try:
        receiver.serve_forever()
    except KeyboardInterrupt:
        receiver.server_close()


if __name__ == "__main__":
    main()
