"""Requests about customer profiles (Customer Information Manager)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from gateway.sandbox.authorizenet.accounts import Call, auth_code
from gateway.sandbox.authorizenet.cards import Card
from gateway.sandbox.authorizenet.codes import REASONS
from gateway.sandbox.authorizenet.profiles import CustomerProfile, PaymentProfile
from gateway.sandbox.authorizenet.refusals import Refused, Unsuccessful, incomplete, invalid_value
from gateway.sandbox.authorizenet.replies import successful
from gateway.sandbox.authorizenet.submissions import paying_card
from gateway.sandbox.authorizenet.triggers import judge
from gateway.sandbox.authorizenet.wire import Members, child, many, text_of

__all__ = ["OPERATIONS"]

_NOTHING = Decimal("0.00")
_VALIDATED = (
    *("firstName", "lastName", "company", "address", "city", "state", "zip", "country"),
    *("phoneNumber", "faxNumber"),
)
_MODES = ("", "none", "testMode", "liveMode", "oldLiveMode")


def create_profile(call: Call) -> Members:
    """createCustomerProfileRequest, with its cards: all of it or nothing."""
    asked = child(call.members, "profile")
    profile = _named(call, asked)
    results = []
    for each in many(asked.get("paymentProfiles")):
        kept, validation = _read_payment_profile(call, profile, each)
        call.account.profiles.add_card(profile, kept)
        results += validation
    call.account.profiles.add(profile)
    _tell_customer(call, "created", profile)
    return successful(
        customerProfileId=profile.id,
        customerPaymentProfileIdList=list(profile.payment_profiles),
        customerShippingAddressIdList=[
            call.accounts.next_id() for _ in many(asked.get("shipToList"))
        ],
        validationDirectResponseList=results,
    )


def create_payment_profile(call: Call) -> Members:
    """createCustomerPaymentProfileRequest."""
    profile = _profile(call)
    kept, validation = _read_payment_profile(call, profile, child(call.members, "paymentProfile"))
    call.account.profiles.add_card(profile, kept)
    _tell_card(call, "created", profile, kept)
    return successful(
        customerProfileId=profile.id,
        customerPaymentProfileId=kept.id,
        **({"validationDirectResponse": validation[0]} if validation else {}),
    )


def create_from_transaction(call: Call) -> Members:
    """createCustomerProfileFromTransactionRequest: keep the card that paid.

    For the customer that is named by id, or a new one. Raises Refused E00040 for an unknown
    transaction, E00102 for one that was not approved.
    """
    transaction = call.transaction(text_of(call.members, "transId"))
    if not transaction.is_approved:
        raise Refused("E00102", "Customer Info is missing.")
    profile_id = text_of(call.members, "customerProfileId")
    is_new = not profile_id
    if is_new:
        asked = child(call.members, "customer") or _payer(transaction.customer)
        profile = _named(call, asked)
    else:
        profile = call.account.profiles.get(profile_id)
    kept = PaymentProfile(
        id=call.accounts.next_id(), card=transaction.card, bill_to=transaction.bill_to
    )
    if is_new:
        call.account.profiles.add(profile)
        _tell_customer(call, "created", profile)
    call.account.profiles.add_card(profile, kept)
    _tell_card(call, "created", profile, kept)
    return successful(
        customerProfileId=profile.id,
        customerPaymentProfileIdList=[kept.id],
        customerShippingAddressIdList=[],
        validationDirectResponseList=[],
    )


def get_profile(call: Call) -> Members:
    """getCustomerProfileRequest: by its id, or by what the merchant calls it."""
    profile_id = text_of(call.members, "customerProfileId")
    merchant_customer_id = text_of(call.members, "merchantCustomerId")
    email = text_of(call.members, "email")
    if profile_id:
        profile = call.account.profiles.get(profile_id)
    elif merchant_customer_id or email:
        profile = call.account.profiles.find(merchant_customer_id, email)
    else:
        raise incomplete(call.operation, "customerProfileId")
    unmasked = _unmasked(call)
    return successful(
        profile={
            "paymentProfiles": [
                _shown(kept, unmasked=unmasked) for kept in profile.payment_profiles.values()
            ],
            "shipToList": [],
            "customerProfileId": profile.id,
            **_identity(profile),
        }
    )


def get_payment_profile(call: Call) -> Members:
    """getCustomerPaymentProfileRequest."""
    profile = _profile(call)
    kept = profile.payment_profile(text_of(call.members, "customerPaymentProfileId"))
    shown = {"customerProfileId": profile.id, **_shown(kept, unmasked=_unmasked(call))}
    return successful(paymentProfile=shown)


def update_payment_profile(call: Call) -> Members:
    """updateCustomerPaymentProfileRequest: what is masked stays, the rest is replaced."""
    profile = _profile(call)
    asked = child(call.members, "paymentProfile")
    old = profile.payment_profile(text_of(asked, "customerPaymentProfileId"))
    card = _updated_card(call, old.card, child(asked, "payment"))
    validation = _validated(call, profile, card, child(asked, "billTo"), "")
    old.card, old.bill_to = card, child(asked, "billTo")
    old.customer_type = text_of(asked, "customerType")
    if "defaultPaymentProfile" in asked:
        _make_default(profile, old, text_of(asked, "defaultPaymentProfile") == "true")
    _tell_card(call, "updated", profile, old)
    return successful(**({"validationDirectResponse": validation[0]} if validation else {}))


def delete_payment_profile(call: Call) -> Members:
    """deleteCustomerPaymentProfileRequest."""
    profile = _profile(call)
    kept = profile.payment_profile(text_of(call.members, "customerPaymentProfileId"))
    del profile.payment_profiles[kept.id]
    _tell_card(call, "deleted", profile, kept)
    return successful()


def delete_profile(call: Call) -> Members:
    """deleteCustomerProfileRequest."""
    profile = call.account.profiles.delete(text_of(call.members, "customerProfileId"))
    _tell_customer(call, "deleted", profile)
    return successful()


def _profile(call: Call) -> CustomerProfile:
    return call.account.profiles.get(text_of(call.members, "customerProfileId"))


def _named(call: Call, asked: Members) -> CustomerProfile:
    return CustomerProfile(
        id=call.accounts.next_id(),
        merchant_customer_id=text_of(asked, "merchantCustomerId"),
        description=text_of(asked, "description"),
        email=text_of(asked, "email"),
    )


def _payer(customer: Members) -> Members:
    """A new customer's names, from the transaction that made them."""
    return {"merchantCustomerId": text_of(customer, "id"), "email": text_of(customer, "email")}


def _read_payment_profile(
    call: Call, profile: CustomerProfile, asked: Members
) -> tuple[PaymentProfile, list[str]]:
    """A card to be kept, and what its validation said. Raises Refused."""
    card, card_code = _read_card(call, child(asked, "payment"))
    bill_to = child(asked, "billTo")
    validation = _validated(call, profile, card, bill_to, card_code)
    kept = PaymentProfile(
        id=call.accounts.next_id(),
        card=card,
        bill_to=bill_to,
        customer_type=text_of(asked, "customerType"),
    )
    _make_default(profile, kept, text_of(asked, "defaultPaymentProfile") == "true")
    return kept, validation


def _make_default(profile: CustomerProfile, kept: PaymentProfile, is_default: bool) -> None:
    if is_default:
        for other in profile.payment_profiles.values():
            other.is_default = False
    kept.is_default = is_default


def _updated_card(call: Call, old: Card, payment: Members) -> Card:
    """The card as it is to be kept: a masked number or expiry means the old one."""
    asked = child(payment, "creditCard")
    number, expires = text_of(asked, "cardNumber"), text_of(asked, "expirationDate")
    if number != old.masked:
        return _read_card(call, payment)[0]
    if expires == "XXXX":
        return old
    try:
        return call.accounts.cards.renewed(old, expires, call.now)
    except Unsuccessful as unsuccessful:
        raise _rejected(unsuccessful.reason) from None


def _read_card(call: Call, payment: Members) -> tuple[Card, str]:
    try:
        return paying_card(call, payment)
    except Unsuccessful as unsuccessful:
        raise _rejected(unsuccessful.reason) from None


def _rejected(reason: str) -> Refused:
    return Refused("E00027", REASONS[reason])


def _validated(
    call: Call, profile: CustomerProfile, card: Card, bill_to: Members, card_code: str
) -> list[str]:
    """What validationMode asks for: nothing, or a charge of nothing, in the old comma format.

    Raises Refused E00027 when the card would be declined.
    """
    mode = text_of(call.members, "validationMode")
    if mode not in _MODES:
        raise invalid_value("validationMode", "The Enumeration constraint failed.")
    if mode in ("", "none"):
        return []
    verdict = judge(
        _NOTHING, text_of(bill_to, "zip"), card_code, partial=False, options=call.options
    )
    if mode != "testMode" and verdict.reason != "1":
        raise _rejected(verdict.reason)
    is_test = mode == "testMode"
    said = [
        *("1", "1", "1", "(TESTMODE) " * is_test + REASONS["1"]),
        *("000000" if is_test else auth_code(), "P" if is_test else verdict.avs),
        *("0" if is_test else call.accounts.next_id(), "none"),
        *("Test transaction for ValidateCustomerPaymentProfile.", "0.00", "CC", "auth_only"),
        profile.merchant_customer_id or "none",
        *(text_of(bill_to, name) for name in _VALIDATED),
        profile.email,
        *[""] * 8,
        *("0.00", "0.00", "0.00", "FALSE", "none", "", verdict.cvv, "2"),
        *[""] * 10,
        *(card.masked, card.account_type),
        *[""] * 16,
    ]
    return [",".join(field.replace(",", " ") for field in said)]


def _unmasked(call: Call) -> bool:
    return text_of(call.members, "unmaskExpirationDate").lower() == "true"


def _shown(kept: PaymentProfile, *, unmasked: bool) -> Members:
    card = kept.card
    return {
        "customerPaymentProfileId": kept.id,
        "payment": {
            "creditCard": {
                "cardNumber": card.masked,
                "expirationDate": card.expires if unmasked else "XXXX",
                "cardType": card.account_type,
            }
        },
        **({"defaultPaymentProfile": True} if kept.is_default else {}),
        "customerTypeSpecified": bool(kept.customer_type),
        **({"customerType": kept.customer_type} if kept.customer_type else {}),
        **({"billTo": kept.bill_to} if kept.bill_to else {}),
    }


def _identity(profile: CustomerProfile) -> Members:
    names = ("merchantCustomerId", "description", "email")
    return {name: value for name, value in zip(names, profile.identity, strict=True) if value}


def _tell_customer(call: Call, what: str, profile: CustomerProfile) -> None:
    payload: Members = {
        "paymentProfiles": [
            {"id": kept.id, "customerType": kept.customer_type or "individual"}
            for kept in profile.payment_profiles.values()
        ],
        **_identity(profile),
        "entityName": "customerProfile",
        "id": profile.id,
    }
    call.account.tell(f"net.authorize.customer.{what}", payload)


def _tell_card(call: Call, what: str, profile: CustomerProfile, kept: PaymentProfile) -> None:
    payload: Members = {
        "customerProfileId": profile.id,
        "customerType": kept.customer_type or "individual",
        "entityName": "customerPaymentProfile",
        "id": kept.id,
    }
    call.account.tell(f"net.authorize.customer.paymentProfile.{what}", payload)


OPERATIONS: Mapping[str, Callable[[Call], Members]] = {
    "createCustomerProfileRequest": create_profile,
    "createCustomerPaymentProfileRequest": create_payment_profile,
    "createCustomerProfileFromTransactionRequest": create_from_transaction,
    "getCustomerProfileRequest": get_profile,
    "getCustomerPaymentProfileRequest": get_payment_profile,
    "updateCustomerPaymentProfileRequest": update_payment_profile,
    "deleteCustomerPaymentProfileRequest": delete_payment_profile,
    "deleteCustomerProfileRequest": delete_profile,
}
