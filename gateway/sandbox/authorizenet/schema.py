"""Which members each request may have, in the order of Authorize.Net's XML schema.

A kind is a number (text of at most so many characters), None (any value), a mapping (an object) or
a list with one kind (one object, or several).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from gateway.sandbox.authorizenet.refusals import Refused, invalid_value, unexpected_child
from gateway.sandbox.authorizenet.wire import Members, text_of

__all__ = ["REQUESTS", "check"]

Kind: TypeAlias = "int | Mapping[str, Kind] | Sequence[Kind] | None"

_CREDENTIALS: Kind = {"name": 25, "transactionKey": 16}
_NAME_AND_ADDRESS: Mapping[str, Kind] = {
    "firstName": 50,
    "lastName": 50,
    "company": 50,
    "address": 60,
    "city": 40,
    "state": 40,
    "zip": 20,
    "country": 60,
}
_ADDRESS: Mapping[str, Kind] = {
    **_NAME_AND_ADDRESS,
    "phoneNumber": 25,
    "faxNumber": 25,
    "email": None,
}
_CARD: Kind = {
    "cardNumber": 16,
    "expirationDate": 7,
    "cardCode": 4,
    "isPaymentToken": None,
    "cryptogram": None,
    "tokenRequestorName": None,
    "tokenRequestorId": None,
    "tokenRequestorEci": None,
}
_PAYMENT: Kind = {
    "creditCard": _CARD,
    "bankAccount": None,
    "trackData": None,
    "encryptedTrackData": None,
    "payPal": None,
    "opaqueData": {"dataDescriptor": None, "dataValue": None, "dataKey": None},
    "emv": None,
    "dataSource": None,
}
_EXTENDED_AMOUNT: Kind = {"amount": None, "name": 31, "description": 255}
_SETTINGS: Kind = {"setting": [{"settingName": None, "settingValue": None}]}
_TRANSACTION: Mapping[str, Kind] = {
    "transactionType": None,
    "amount": None,
    "currencyCode": None,
    "payment": _PAYMENT,
    "profile": {
        "createProfile": None,
        "customerProfileId": None,
        "paymentProfile": {"paymentProfileId": None, "cardCode": 4},
        "shippingProfileId": None,
    },
    "solution": {"id": None, "name": None, "vendorName": None},
    "callId": None,
    "terminalNumber": None,
    "authCode": 6,
    "refTransId": None,
    "splitTenderId": None,
    "order": {"invoiceNumber": 20, "description": 255},
    "lineItems": None,
    "tax": _EXTENDED_AMOUNT,
    "duty": _EXTENDED_AMOUNT,
    "shipping": _EXTENDED_AMOUNT,
    "taxExempt": None,
    "poNumber": 25,
    "customer": {"type": None, "id": 20, "email": 255, "driversLicense": None, "taxId": 9},
    "billTo": _ADDRESS,
    "shipTo": _NAME_AND_ADDRESS,
    "customerIP": None,
    "cardholderAuthentication": {
        "authenticationIndicator": None,
        "cardholderAuthenticationValue": None,
    },
    "retail": None,
    "employeeId": None,
    "transactionSettings": _SETTINGS,
    "userFields": {"userField": [{"name": None, "value": None}]},
    "surcharge": _EXTENDED_AMOUNT,
    "merchantDescriptor": None,
    "subMerchant": None,
    "tip": _EXTENDED_AMOUNT,
    "processingOptions": None,
    "subsequentAuthInformation": None,
    "otherTax": None,
    "shipFrom": _NAME_AND_ADDRESS,
    "authorizationIndicatorType": None,
}
_PAYMENT_PROFILE: Mapping[str, Kind] = {
    "customerType": None,
    "billTo": _ADDRESS,
    "payment": _PAYMENT,
    "driversLicense": None,
    "taxId": 9,
    "defaultPaymentProfile": None,
}
_CUSTOMER: Mapping[str, Kind] = {"merchantCustomerId": 20, "description": 255, "email": 255}
_PAGES: Mapping[str, Kind] = {
    "sorting": {"orderBy": None, "orderDescending": None},
    "paging": {"limit": None, "offset": None},
}

_REQUESTS: Mapping[str, Mapping[str, Kind]] = {
    "authenticateTestRequest": {},
    "createTransactionRequest": {"transactionRequest": _TRANSACTION},
    "updateHeldTransactionRequest": {
        "heldTransactionRequest": {"action": None, "refTransId": None}
    },
    "getTransactionDetailsRequest": {"transId": None},
    "getUnsettledTransactionListRequest": {"status": None, **_PAGES},
    "getSettledBatchListRequest": {
        "includeStatistics": None,
        "firstSettlementDate": None,
        "lastSettlementDate": None,
    },
    "getTransactionListRequest": {"batchId": None, **_PAGES},
    "createCustomerProfileRequest": {
        "profile": {
            **_CUSTOMER,
            "paymentProfiles": [_PAYMENT_PROFILE],
            "shipToList": [_ADDRESS],
            "profileType": None,
        },
        "validationMode": None,
    },
    "createCustomerPaymentProfileRequest": {
        "customerProfileId": None,
        "paymentProfile": _PAYMENT_PROFILE,
        "validationMode": None,
    },
    "createCustomerProfileFromTransactionRequest": {
        "transId": None,
        "customer": _CUSTOMER,
        "customerProfileId": None,
        "defaultPaymentProfile": None,
        "defaultShippingAddress": None,
        "profileType": None,
    },
    "getCustomerProfileRequest": {
        "customerProfileId": None,
        "merchantCustomerId": 20,
        "email": None,
        "unmaskExpirationDate": None,
        "includeIssuerInfo": None,
    },
    "getCustomerPaymentProfileRequest": {
        "customerProfileId": None,
        "customerPaymentProfileId": None,
        "unmaskExpirationDate": None,
        "includeIssuerInfo": None,
    },
    "updateCustomerPaymentProfileRequest": {
        "customerProfileId": None,
        "paymentProfile": {**_PAYMENT_PROFILE, "customerPaymentProfileId": None},
        "validationMode": None,
    },
    "deleteCustomerPaymentProfileRequest": {
        "customerProfileId": None,
        "customerPaymentProfileId": None,
    },
    "deleteCustomerProfileRequest": {"customerProfileId": None},
}

REQUESTS: Mapping[str, Mapping[str, Kind]] = {
    name: {"merchantAuthentication": _CREDENTIALS, "clientId": 30, "refId": 20, **members}
    for name, members in _REQUESTS.items()
}


def check(operation: str, members: Members, *, strict: bool) -> None:
    """Hold a request against the schema. Raises Refused: E00004 for an unknown name, else E00003.

    Not `strict`: neither order nor unknown members matter, lengths and objects still do.
    """
    if operation not in REQUESTS:
        raise Refused("E00004", "The name of the requested API method is invalid.")
    _check_object(operation, members, REQUESTS[operation], strict=strict)


def _check_object(
    element: str, members: Members, kinds: Mapping[str, Kind], *, strict: bool
) -> None:
    expected = iter(kinds)
    for name, value in members.items():
        # `in` moves the iterator past the name it finds: what comes later must stand later.
        if strict and name not in expected:
            raise unexpected_child(element, name)
        _check_value(name, value, kinds.get(name), strict=strict)


def _check_value(element: str, value: Any, kind: Kind, *, strict: bool) -> None:
    if isinstance(kind, Mapping):
        if not isinstance(value, dict):
            raise invalid_value(element, "The element cannot contain text.")
        _check_object(element, value, kind, strict=strict)
    elif isinstance(kind, int):
        if isinstance(value, dict | list):
            raise invalid_value(element, "The element cannot contain child element.")
        if len(text_of({element: value}, element)) > kind:
            raise invalid_value(element, "The actual length is greater than the MaxLength value.")
    elif kind is not None:
        for each in value if isinstance(value, list) else [value]:
            _check_value(element, each, kind[0], strict=strict)
