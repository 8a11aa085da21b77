"""What is sent: members in the schema's order, amounts without floats."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.instruments import Nonce
from gateway.domain.money import AMOUNT_MAX, exponent
from gateway.processors.authorizenet import requests
from gateway.processors.authorizenet.configuration import Credentials
from gateway.processors.authorizenet.replies import minor_units
from gateway.processors.authorizenet.requests import format_amount
from tests.processors.authorizenet.samples import SENT_AT, VISA, card, transaction

CREDENTIALS = Credentials(api_login_id="login", transaction_key="tkey")
SETTINGS = {
    "setting": [
        {"settingName": "allowPartialAuth", "settingValue": "false"},
        {"settingName": "duplicateWindow", "settingValue": "28800"},
    ]
}


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1_050, "USD", "10.50"),
        (5, "USD", "0.05"),
        (99, "USD", "0.99"),
        (100, "USD", "1.00"),
        (0, "USD", "0.00"),
        (999_999_999_999, "USD", "9999999999.99"),
        (1_050, "JPY", "1050"),
        (1_050, "KWD", "1.050"),
    ],
)
def test_amounts_are_written_in_major_units(amount: int, currency: str, text: str) -> None:
    """With as many decimals as the currency has."""
    assert text == format_amount(amount, currency)


@given(
    amount=st.integers(min_value=0, max_value=AMOUNT_MAX),
    currency=st.sampled_from(["USD", "JPY", "KWD", "CLF", "EUR"]),
)
def test_amounts_keep_every_unit(amount: int, currency: str) -> None:
    """The text is the amount to the last unit, has its decimals, and reads back as it was."""
    text = format_amount(amount, currency)

    assert Decimal(amount) == Decimal(text) * 10 ** exponent(currency)
    assert exponent(currency) == len(text.partition(".")[2])
    assert amount == minor_units(text, currency)


def test_a_negative_amount_is_a_mistake() -> None:
    """It would be formatted wrongly, and moves money the other way."""
    with pytest.raises(ValueError, match="not negative"):
        format_amount(-5, "USD")


@pytest.mark.parametrize("text", ["10.505", "x", "", None, "NaN", "Infinity", "1e400"])
def test_what_is_no_amount_of_the_currency_is_none(text: str | None) -> None:
    """Nothing is rounded."""
    assert minor_units(text, "USD") is None


def test_a_charge_has_its_members_in_the_schemas_order() -> None:
    """transactionType to transactionSettings as the schema has them; the invoice is the attempt."""
    sent = transaction(email="asha@example.com", card=card(postal_code="46282"))

    document = requests.envelope(
        "createTransactionRequest", CREDENTIALS, requests.payment(sent), "a" * 30
    )

    request = document["createTransactionRequest"]
    assert ["merchantAuthentication", "refId", "transactionRequest"] == list(request)
    assert {"name": "login", "transactionKey": "tkey"} == request["merchantAuthentication"]
    assert "a" * 20 == request["refId"]
    expected = {
        "transactionType": "authCaptureTransaction",
        "amount": "10.50",
        "currencyCode": "USD",
        "payment": {
            "creditCard": {"cardNumber": VISA, "expirationDate": "2030-03", "cardCode": "737"}
        },
        "order": {"invoiceNumber": sent.reference, "description": "order_4fGh5kLm6nPq7rSt"},
        "customer": {"email": "asha@example.com"},
        "billTo": {"zip": "46282"},
        "transactionSettings": SETTINGS,
    }
    assert list(expected.items()) == list(request["transactionRequest"].items())
    assert 20 == len(sent.reference)


def test_an_authorization_differs_in_its_type_only() -> None:
    """authOnlyTransaction, and nothing that is not known."""
    sent = transaction("authorize")

    fields = requests.payment(sent)["transactionRequest"]

    assert "authOnlyTransaction" == fields["transactionType"]
    assert {"customer", "billTo"}.isdisjoint(fields)


def test_a_nonce_is_sent_as_opaque_data() -> None:
    """In the place of the card."""
    nonce = Nonce(descriptor="COMMON.ACCEPT.INAPP.PAYMENT", value="nonce")
    sent = transaction(card=None, nonce=nonce, last_four=None)

    assert {
        "opaqueData": {"dataDescriptor": "COMMON.ACCEPT.INAPP.PAYMENT", "dataValue": "nonce"}
    } == requests.payment(sent)["transactionRequest"]["payment"]


def test_a_stored_card_is_sent_by_its_profiles() -> None:
    """Without the customer, whom the profile names."""
    sent = transaction(card=None, stored="31390172/28393490", email="asha@example.com")

    fields = requests.payment(sent)["transactionRequest"]

    assert {
        "customerProfileId": "31390172",
        "paymentProfile": {"paymentProfileId": "28393490"},
    } == fields["profile"]
    assert {"payment", "customer", "billTo"}.isdisjoint(fields)


def test_an_email_that_is_too_long_is_left_out() -> None:
    """They would refuse the whole payment."""
    sent = transaction(email="a" * 250 + "@example.com")

    assert "customer" not in requests.payment(sent)["transactionRequest"]


def test_a_capture_names_the_original_and_the_amount() -> None:
    """As recorded from another client."""
    assert {
        "transactionRequest": {
            "transactionType": "priorAuthCaptureTransaction",
            "amount": "5.00",
            "refTransId": "2230581001",
        }
    } == requests.capture(transaction("capture", amount=500, original="2230581001"))


def test_a_void_names_the_original_alone() -> None:
    """It is of the whole."""
    assert {
        "transactionRequest": {"transactionType": "voidTransaction", "refTransId": "2230581001"}
    } == requests.void("2230581001")


def test_a_refund_shows_the_cards_last_digits() -> None:
    """And is a transaction of its own, so with an invoice number of its own."""
    sent = transaction("refund", amount=300, original="2230581001")

    fields = requests.refund(sent, "1111")["transactionRequest"]

    expected = {
        "transactionType": "refundTransaction",
        "amount": "3.00",
        "currencyCode": "USD",
        "payment": {"creditCard": {"cardNumber": "1111", "expirationDate": "XXXX"}},
        "refTransId": "2230581001",
        "order": {"invoiceNumber": sent.reference, "description": "order_4fGh5kLm6nPq7rSt"},
        "transactionSettings": {
            "setting": [{"settingName": "duplicateWindow", "settingValue": "28800"}]
        },
    }
    assert list(expected.items()) == list(fields.items())


def test_no_correlation_id_sends_no_reference() -> None:
    """An empty one would be refused by a strict reader."""
    document = requests.envelope("authenticateTestRequest", CREDENTIALS, {})

    assert ["merchantAuthentication"] == list(document["authenticateTestRequest"])


def test_batches_are_asked_for_in_utc() -> None:
    """To the second, as xsd:dateTime."""
    assert {
        "firstSettlementDate": "2026-11-25T12:00:00Z",
        "lastSettlementDate": "2026-11-26T01:02:03Z",
    } == requests.batch_list(SENT_AT, datetime(2026, 11, 26, 1, 2, 3, 999, tzinfo=UTC))


def test_credentials_and_what_is_sent_hide_in_representations() -> None:
    """A log line or an error that shows them shows no secret."""
    assert "tkey" not in repr(CREDENTIALS)
    assert "login" not in repr(CREDENTIALS)
    assert VISA not in repr(transaction())
