"""Signatures against published vectors, during rotation, and against forgery."""

from __future__ import annotations

import base64
import hashlib
import hmac
import traceback

import pytest

from gateway.security.credentials import new_webhook_secret
from gateway.security.signatures import (
    Signer,
    checkout_signature,
    hex_signature,
    verify_checkout_signature,
    verify_webhook,
    webhook_headers,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="  # the specification's vector


def headers_for(*secrets: str, body: bytes = BODY) -> dict[str, str]:
    return webhook_headers(
        event_id=EVENT_ID,
        timestamp=TIMESTAMP,
        body=body,
        secrets=secrets,
        user_agent="Gateway/1 (webhooks)",
    )


def raw_hmac(key: bytes, body: bytes = BODY) -> str:
    content = f"{EVENT_ID}.{TIMESTAMP}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def test_every_documented_header_is_there_and_no_other() -> None:
    """The legacy signature twice, Standard Webhooks, the event's id, type and agent."""
    legacy = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()

    assert {
        "X-Webhook-Signature": legacy,
        "X-Razorpay-Signature": legacy,
        "x-razorpay-event-id": EVENT_ID,
        "webhook-id": EVENT_ID,
        "webhook-timestamp": str(TIMESTAMP),
        "webhook-signature": SIGNATURE,
        "Idempotency-Key": EVENT_ID,
        "User-Agent": "Gateway/1 (webhooks)",
        "Content-Type": "application/json",
    } == headers_for(SECRET)


def test_a_rotated_secret_still_signs() -> None:
    """Standard Webhooks gets one signature per valid secret, the legacy ones the current secret."""
    current = new_webhook_secret()
    headers = headers_for(current, SECRET)

    assert [headers_for(current)["webhook-signature"], SIGNATURE] == headers[
        "webhook-signature"
    ].split(" ")
    assert hex_signature(BODY, current) == headers["X-Webhook-Signature"]
    assert hex_signature(BODY, current) == headers["X-Razorpay-Signature"]


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("whsec_" + base64.b64encode(bytes(24)).decode(), bytes(24)),
        ("whsec_" + base64.b64encode(bytes(64)).decode(), bytes(64)),
        ("whsec_" + base64.b64encode(bytes(23)).decode(), None),
        ("whsec_" + base64.b64encode(bytes(65)).decode(), None),
        ("whsec_" + base64.urlsafe_b64encode(b"\xff" * 24).decode(), None),
        ("whsec_" + base64.b64encode(bytes(32)).decode().rstrip("="), None),
        ("whsec_test_abc123", None),
        ("whsec_", None),
        ("whsec_schlüssel-mit-umlaut-in-der-mitte", None),
        (base64.b64encode(bytes(32)).decode(), None),
        ("my own secret", None),
    ],
)
def test_the_key_of_a_secret_follows_the_rule(secret: str, key: bytes | None) -> None:
    """Decoded where valid base64 of 24 to 64 bytes follows `whsec_`; else the string as it is."""
    expected = raw_hmac(secret.encode() if key is None else key)

    assert expected == headers_for(secret)["webhook-signature"]


def test_every_body_byte_is_signed() -> None:
    """Bodies that are no text are signed as they are."""
    body = bytes(range(256))

    assert raw_hmac(b"s", body) == headers_for("s", body=body)["webhook-signature"]


@pytest.mark.parametrize("secrets", [(), ("",), (SECRET, "")])
def test_nothing_is_signed_without_a_secret(secrets: tuple[str, ...]) -> None:
    """An empty key would be everybody's key: ValueError."""
    with pytest.raises(ValueError, match="secret is needed"):
        headers_for(*secrets)


def test_a_receiver_accepts_what_was_sent() -> None:
    """With either secret of a rotation, and whatever the case of the headers."""
    current = new_webhook_secret()
    headers = headers_for(current, SECRET)
    shouted = {name.upper(): value for name, value in headers.items()}

    for secret in (current, SECRET):
        assert verify_webhook(headers=headers, body=BODY, secret=secret, now=TIMESTAMP)
        assert verify_webhook(headers=shouted, body=BODY, secret=secret, now=TIMESTAMP)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_other"},
        {"webhook-timestamp": str(TIMESTAMP + 1)},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-timestamp": "١٦١٤٢٦٥٣٣٠"},
        {"webhook-timestamp": f"-{TIMESTAMP}"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": SIGNATURE.removeprefix("v1,")},
        {"webhook-signature": SIGNATURE.replace("v1,", "v1a,")},
        {"webhook-signature": "v1,\udcff"},
        {"webhook-signature": " ".join(["v1,x"] * 100 + [SIGNATURE])},
    ],
)
def test_a_receiver_refuses_forged_headers(change: dict[str, str]) -> None:
    """Another id, time or signature, or a flood of them, is refused and raises nothing."""
    headers = headers_for(SECRET) | change

    assert not verify_webhook(headers=headers, body=BODY, secret=SECRET, now=TIMESTAMP)


def test_a_receiver_refuses_other_bodies_secrets_and_times() -> None:
    """A changed body, a foreign or empty secret, and an old or early delivery are refused."""
    headers = headers_for(SECRET)

    assert not verify_webhook(headers=headers, body=BODY + b" ", secret=SECRET, now=TIMESTAMP)
    assert not verify_webhook(headers=headers, body=BODY, secret="other", now=TIMESTAMP)
    assert not verify_webhook(headers=headers, body=BODY, secret="", now=TIMESTAMP)
    assert not verify_webhook(headers={}, body=BODY, secret=SECRET, now=TIMESTAMP)
    for now, accepted in ((300, True), (301, False), (-300, True), (-301, False)):
        assert accepted is verify_webhook(
            headers=headers, body=BODY, secret=SECRET, now=TIMESTAMP + now
        )


def test_the_checkout_signature_is_razorpays() -> None:
    """The vector of Razorpay's libraries: hex HMAC-SHA256 of `order_id|payment_id`."""
    expected = "b2335e3b0801106b84a7faff035df56ecffde06918c9ddd1f0fafbb37a51cc89"

    assert expected == checkout_signature("fake_order_id", "fake_payment_id", "key_secret")


def test_the_checkout_signature_is_verified_exactly() -> None:
    """Another order, payment, secret or signature is refused."""
    signature = checkout_signature("order_1", "pay_1", "key_secret")

    def verifies(
        order: str = "order_1",
        payment: str = "pay_1",
        given: str = signature,
        key: str = "key_secret",
    ) -> bool:
        return verify_checkout_signature(order, payment, signature=given, secret=key)

    assert verifies()
    assert not verifies(order="order_2")
    assert not verifies(payment="pay_2")
    assert not verifies(given=signature.upper())
    assert not verifies(given="")
    assert not verifies(given="\udcff")
    assert not verifies(key="other")
    assert not verifies(given=checkout_signature("order_1", "pay_1", ""), key="")


def test_secrets_show_neither_in_a_signer_nor_in_its_errors() -> None:
    """Repr, str and a traceback with local variables tell how many secrets there are, no more."""
    signer = Signer([SECRET, "whsec_test_abc123"], user_agent="x")
    with pytest.raises(AttributeError) as error:
        signer.headers(event_id=None, timestamp=1, body=b"")  # type: ignore[arg-type]  # to fail

    report = traceback.TracebackException.from_exception(error.value, capture_locals=True)
    shown = repr(signer) + str(signer) + "".join(report.format())
    assert "Signer(secrets=2)" in shown
    assert "test_abc123" not in shown
    assert SECRET.removeprefix("whsec_") not in shown
