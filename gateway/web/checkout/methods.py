"""The ways to pay, in the order in which they are offered, and the banks and wallets of two."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gateway.domain.instruments import Instrument
from gateway.web.pages.catalogue import message

__all__ = [
    "BANKS",
    "METHOD_NAMES",
    "NETWORKS",
    "WALLETS",
    "first_method",
    "instrument_text",
    "offered",
]

METHOD_NAMES: Mapping[str, str] = {
    "upi": message("UPI"),
    "card": message("Card"),
    "netbanking": message("Netbanking"),
    "wallet": message("Wallet"),
}

BANKS: Mapping[str, str] = {
    "SBIN": "State Bank of India",
    "HDFC": "HDFC Bank",
    "ICIC": "ICICI Bank",
    "UTIB": "Axis Bank",
    "KKBK": "Kotak Mahindra Bank",
    "AUBL": "AU Small Finance Bank",
    "BARB_R": "Bank of Baroda",
    "BKID": "Bank of India",
    "CNRB": "Canara Bank",
    "CBIN": "Central Bank of India",
    "FDRL": "Federal Bank",
    "IDFB": "IDFC FIRST Bank",
    "IDIB": "Indian Bank",
    "IOBA": "Indian Overseas Bank",
    "INDB": "IndusInd Bank",
    "PUNB_R": "Punjab National Bank",
    "RATN": "RBL Bank",
    "SIBL": "South Indian Bank",
    "UBIN": "Union Bank of India",
    "YESB": "Yes Bank",
}
"""Names by the codes that merchants get: the first ones are the largest, the others A to Z."""

WALLETS: Mapping[str, str] = {
    "paytm": "Paytm",
    "phonepe": "PhonePe",
    "amazonpay": "Amazon Pay",
    "mobikwik": "MobiKwik",
    "freecharge": "Freecharge",
    "airtelmoney": "Airtel Money",
}
NETWORKS: Mapping[str, str] = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "rupay": "RuPay",
    "discover": "Discover",
    "diners": "Diners Club",
    "jcb": "JCB",
}
_AT_HOME = "INR"


def offered(enabled: Collection[str]) -> list[str]:
    """Those that the merchant enabled, in our order."""
    return [method for method in METHOD_NAMES if method in enabled]


def first_method(methods: list[str], chosen: str | None, currency: str) -> str:
    """The one that is open at first: the chosen one, a card where UPI is not at home, the first."""
    if chosen in methods:
        return str(chosen)
    if currency != _AT_HOME and "card" in methods:
        return "card"
    return next(iter(methods), "")


def instrument_text(instrument: Instrument) -> str:
    """What was paid with, as a receipt names it; the same in every language."""
    if instrument.method == "card":
        network = NETWORKS.get(instrument.card_network or "", "")
        return f"{network} •••• {instrument.card_last4 or ''}".strip()
    if instrument.method == "netbanking":
        return BANKS.get(instrument.bank or "", instrument.bank or "")
    if instrument.method == "wallet":
        return WALLETS.get(instrument.wallet or "", instrument.wallet or "")
    return instrument.vpa or ""
