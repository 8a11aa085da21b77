"""Customers and their cards: kept, charged, shown masked, changed, deleted."""

from __future__ import annotations

import pytest

from tests.sandbox.requests import MASTERCARD, captured, card
from tests.sandbox.server import running_sandbox

CUSTOMER = {"merchantCustomerId": "cust_1", "email": "ellen@example.com"}


def code_of(reply) -> str:
    return reply["messages"]["message"][0]["code"]


async def kept(sandbox, **profile) -> tuple[str, str]:
    """A customer with a card; both ids."""
    reply = await sandbox.ask(
        "createCustomerProfileRequest",
        profile={**CUSTOMER, "paymentProfiles": [{"payment": card()}], **profile},
        validationMode="none",
    )
    assert "I00001" == code_of(reply), reply
    return reply["customerProfileId"], reply["customerPaymentProfileIdList"][0]


def paying(profile_id, payment_profile_id, code=None):
    chosen = {"paymentProfileId": payment_profile_id}
    if code is not None:
        chosen["cardCode"] = code
    return {"customerProfileId": profile_id, "paymentProfile": chosen}


async def test_a_kept_card_pays(sandbox):
    """Authorized, captured and refused for unknown ids; the reply names the profile."""
    profile_id, payment_profile_id = await kept(sandbox)

    response = await sandbox.transact(
        "authOnlyTransaction", amount="3.00", profile=paying(profile_id, payment_profile_id, "901")
    )

    assert ("1", "N", "XXXX1111") == (
        response["responseCode"],
        response["cvvResultCode"],
        response["accountNumber"],
    )
    assert {
        "customerProfileId": profile_id,
        "customerPaymentProfileId": payment_profile_id,
    } == response["profile"]
    for ids in (("1", payment_profile_id), (profile_id, "1"), (profile_id, "")):
        reply = await sandbox.ask(
            "createTransactionRequest",
            transactionRequest={
                "transactionType": "authOnlyTransaction",
                "amount": "1.00",
                "profile": paying(*ids),
            },
        )
        assert "E00040" == code_of(reply)


async def test_a_customer_is_shown_without_numbers(sandbox):
    """By id, by the merchant's own id and by e-mail; the expiry only when asked for."""
    profile_id, payment_profile_id = await kept(sandbox)

    for query in (
        {"customerProfileId": profile_id},
        {"merchantCustomerId": "cust_1"},
        {"email": "ellen@example.com"},
    ):
        profile = (await sandbox.ask("getCustomerProfileRequest", **query))["profile"]
        assert CUSTOMER.items() <= profile.items()
        assert profile_id == profile["customerProfileId"]
        assert {"cardNumber": "XXXX1111", "expirationDate": "XXXX", "cardType": "Visa"} == profile[
            "paymentProfiles"
        ][0]["payment"]["creditCard"]

    one = await sandbox.ask(
        "getCustomerPaymentProfileRequest",
        customerProfileId=profile_id,
        customerPaymentProfileId=payment_profile_id,
        unmaskExpirationDate=True,
    )
    assert "2035-12" == one["paymentProfile"]["payment"]["creditCard"]["expirationDate"]
    assert "E00003" == code_of(await sandbox.ask("getCustomerProfileRequest"))
    assert "E00040" == code_of(await sandbox.ask("getCustomerProfileRequest", email="b@c.de"))


async def test_an_equal_customer_is_a_duplicate(sandbox):
    """E00039 with the id of the one there is; a customer without any name is refused."""
    profile_id, _ = await kept(sandbox)

    again = await sandbox.ask("createCustomerProfileRequest", profile=CUSTOMER)
    nameless = await sandbox.ask("createCustomerProfileRequest", profile={})

    assert {
        "code": "E00039",
        "text": f"A duplicate record with ID {profile_id} already exists.",
    } == again["messages"]["message"][0]
    assert "E00041" == code_of(nameless)


async def test_an_equal_card_is_a_duplicate(sandbox):
    """E00039 with both ids; with another address it is another one, up to ten."""
    profile_id, payment_profile_id = await kept(sandbox)

    async def add(**members):
        return await sandbox.ask(
            "createCustomerPaymentProfileRequest",
            customerProfileId=profile_id,
            paymentProfile={**members, "payment": card()},
        )

    again = await add()
    others = [await add(billTo={"zip": f"1000{n}"}) for n in range(9)]
    one_too_many = await add(billTo={"zip": "20000"})

    assert "E00039" == code_of(again)
    assert payment_profile_id in again["messages"]["message"][0]["text"]
    assert (profile_id, payment_profile_id) == (
        again["customerProfileId"],
        again["customerPaymentProfileId"],
    )
    assert {"I00001"} == {code_of(reply) for reply in others}
    assert "E00042" == code_of(one_too_many)


async def test_the_card_of_a_payment_is_kept(sandbox):
    """From the transaction: for a new customer, then once more for the same one."""
    paid = await captured(sandbox, customer={"id": "c9", "email": "a@b.cd"})
    other = await captured(sandbox, "2.00", payment=card(MASTERCARD))

    first = await sandbox.ask("createCustomerProfileFromTransactionRequest", transId=paid)
    second = await sandbox.ask(
        "createCustomerProfileFromTransactionRequest",
        transId=other,
        customerProfileId=first["customerProfileId"],
    )
    again = await sandbox.ask(
        "createCustomerProfileFromTransactionRequest",
        transId=other,
        customerProfileId=first["customerProfileId"],
    )

    response = await sandbox.transact(
        "authCaptureTransaction",
        amount="9.00",
        profile=paying(first["customerProfileId"], second["customerPaymentProfileIdList"][0]),
    )
    assert ("1", "XXXX0015") == (response["responseCode"], response["accountNumber"])
    assert "E00039" == code_of(again)
    profile = await sandbox.ask("getCustomerProfileRequest", merchantCustomerId="c9")
    assert 2 == len(profile["profile"]["paymentProfiles"])


async def test_a_card_that_did_not_pay_is_not_kept(sandbox):
    """Neither of an unknown transaction nor of a declined one."""
    await sandbox.control.arm_reason("2")
    declined = await sandbox.transact("authCaptureTransaction", amount="1.00", payment=card())

    for transaction_id, code in (("1", "E00040"), (declined["transId"], "E00102")):
        reply = await sandbox.ask(
            "createCustomerProfileFromTransactionRequest",
            transId=transaction_id,
            customer=CUSTOMER,
        )
        assert code == code_of(reply)


async def test_a_nonce_can_be_kept(sandbox):
    """Once."""
    nonce = await sandbox.control.nonce(MASTERCARD)
    profile = {**CUSTOMER, "paymentProfiles": {"payment": {"opaqueData": nonce}}}

    first = await sandbox.ask("createCustomerProfileRequest", profile=profile)
    second = await sandbox.ask(
        "createCustomerProfileRequest", profile={**profile, "email": "other@example.com"}
    )

    assert "I00001" == code_of(first)
    assert "E00114" == code_of(second)


async def test_a_nonce_lives_a_quarter_of_an_hour(sandbox):
    """Then it is refused; so is another descriptor."""
    old, other = await sandbox.control.nonce(), await sandbox.control.nonce()
    await sandbox.control.advance_clock(901)
    fresh = await sandbox.control.nonce()
    other = {**fresh, "dataDescriptor": "COMMON.APPLE.INAPP.PAYMENT"}

    for opaque in (old, other):
        reply = await sandbox.ask(
            "createTransactionRequest",
            transactionRequest={
                "transactionType": "authCaptureTransaction",
                "amount": "1.00",
                "payment": {"opaqueData": opaque},
            },
        )
        assert "E00114" == code_of(reply)


async def test_the_oldest_nonce_goes_when_there_are_too_many():
    """The limit is an option."""
    async with running_sandbox(nonces_max=1) as sandbox:
        first, second = await sandbox.control.nonce(), await sandbox.control.nonce()

        charge = {"amount": "1.00", "payment": {"opaqueData": second}}
        assert "1" == (await sandbox.transact("authOnlyTransaction", **charge))["responseCode"]
        with pytest.raises(KeyError):
            await sandbox.transact("authOnlyTransaction", payment={"opaqueData": first})


@pytest.mark.parametrize(
    ("credit_card", "expected"),
    [
        ({"cardNumber": "XXXX1111", "expirationDate": "XXXX"}, ("XXXX1111", "2035-12")),
        ({"cardNumber": "XXXX1111", "expirationDate": "2036-01"}, ("XXXX1111", "2036-01")),
        ({"cardNumber": MASTERCARD, "expirationDate": "2037-02"}, ("XXXX0015", "2037-02")),
    ],
)
async def test_a_card_is_changed(sandbox, credit_card, expected):
    """What is masked stays as it is."""
    profile_id, payment_profile_id = await kept(sandbox)

    reply = await sandbox.ask(
        "updateCustomerPaymentProfileRequest",
        customerProfileId=profile_id,
        paymentProfile={
            "billTo": {"zip": "12345"},
            "payment": {"creditCard": credit_card},
            "customerPaymentProfileId": payment_profile_id,
        },
        validationMode="testMode",
    )

    assert "I00001" == code_of(reply)
    shown = await sandbox.ask(
        "getCustomerPaymentProfileRequest",
        customerProfileId=profile_id,
        customerPaymentProfileId=payment_profile_id,
        unmaskExpirationDate="true",
    )
    changed = shown["paymentProfile"]
    assert {"zip": "12345"} == changed["billTo"]
    assert expected == tuple(
        changed["payment"]["creditCard"][name] for name in ("cardNumber", "expirationDate")
    )


async def test_a_card_is_not_changed_to_one_that_cannot_be_used(sandbox):
    """E00027 says why, and the old one stays."""
    profile_id, payment_profile_id = await kept(sandbox)

    for credit_card in (
        {"cardNumber": "XXXX1111", "expirationDate": "2020-01"},
        {"cardNumber": "4111111111111112", "expirationDate": "2036-01"},
    ):
        reply = await sandbox.ask(
            "updateCustomerPaymentProfileRequest",
            customerProfileId=profile_id,
            paymentProfile={
                "payment": {"creditCard": credit_card},
                "customerPaymentProfileId": payment_profile_id,
            },
        )
        assert "E00027" == code_of(reply)
    response = await sandbox.transact(
        "authOnlyTransaction", amount="1.00", profile=paying(profile_id, payment_profile_id)
    )
    assert "1" == response["responseCode"]


async def test_the_default_card_pays_where_none_is_named(sandbox):
    """There is one default at most."""
    profile_id, _ = await kept(
        sandbox, paymentProfiles=[{"payment": card(), "defaultPaymentProfile": True}]
    )
    await sandbox.ask(
        "createCustomerPaymentProfileRequest",
        customerProfileId=profile_id,
        paymentProfile={"payment": card(MASTERCARD), "defaultPaymentProfile": True},
    )

    response = await sandbox.transact(
        "authOnlyTransaction", amount="1.00", profile={"customerProfileId": profile_id}
    )

    assert "XXXX0015" == response["accountNumber"]


async def test_deleted_cards_and_customers_are_gone(sandbox):
    """Once deleted, E00040."""
    profile_id, payment_profile_id = await kept(sandbox)
    one = {"customerProfileId": profile_id, "customerPaymentProfileId": payment_profile_id}

    assert "I00001" == code_of(await sandbox.ask("deleteCustomerPaymentProfileRequest", **one))
    assert "E00040" == code_of(await sandbox.ask("deleteCustomerPaymentProfileRequest", **one))
    assert "E00040" == code_of(await sandbox.ask("getCustomerPaymentProfileRequest", **one))
    whole = {"customerProfileId": profile_id}
    assert "I00001" == code_of(await sandbox.ask("deleteCustomerProfileRequest", **whole))
    assert "E00040" == code_of(await sandbox.ask("deleteCustomerProfileRequest", **whole))
    assert "E00040" == code_of(await sandbox.ask("getCustomerProfileRequest", **whole))


@pytest.mark.parametrize(
    ("mode", "zip_", "code"),
    [
        ("liveMode", "10001", "I00001"),
        ("liveMode", "46282", "E00027"),
        ("testMode", "46282", "I00001"),
        ("none", "46282", "I00001"),
        ("someMode", "10001", "E00003"),
    ],
)
async def test_cards_are_validated_as_asked(sandbox, mode, zip_, code):
    """A live validation declines what a charge would; nothing is kept then."""
    reply = await sandbox.ask(
        "createCustomerProfileRequest",
        profile={
            **CUSTOMER,
            "paymentProfiles": {"billTo": {"zip": zip_}, "payment": card()},
        },
        validationMode=mode,
    )

    assert code == code_of(reply)
    said = reply.get("validationDirectResponseList")
    if code == "I00001":
        assert [] == said if mode == "none" else ["1"] == [each[0] for each in said]
        assert "4111" not in str(reply).replace("XXXX1111", "")
    else:
        assert "E00040" == code_of(
            await sandbox.ask("getCustomerProfileRequest", merchantCustomerId="cust_1")
        )


async def test_a_customer_with_a_bad_card_is_not_kept(sandbox):
    """All or nothing."""
    reply = await sandbox.ask(
        "createCustomerProfileRequest",
        profile={**CUSTOMER, "paymentProfiles": {"payment": card("4111111111111112")}},
    )

    assert ("E00027", "The credit card number is invalid.") == (
        code_of(reply),
        reply["messages"]["message"][0]["text"],
    )
    assert "E00040" == code_of(
        await sandbox.ask("getCustomerProfileRequest", merchantCustomerId="cust_1")
    )
