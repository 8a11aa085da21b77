"""Response reason codes: what each says, and which response code goes with it.

Source: Authorize.Net's response code list; 1 approved, 2 declined, 3 error, 4 held for review.
"""

from __future__ import annotations

__all__ = ["APPROVED", "DECLINED", "ERROR", "HELD", "REASONS", "response_code"]

APPROVED = "1"
DECLINED = "2"
ERROR = "3"
HELD = "4"

_DECLINED_TEXT = "This transaction has been declined."
_TRY_AGAIN = "An error occurred during processing. Please try again."
_HELD_TEXT = "Your order has been received. Thank you for your business!"

REASONS = {
    "1": "This transaction has been approved.",
    "2": _DECLINED_TEXT,
    "3": _DECLINED_TEXT,
    "4": _DECLINED_TEXT,
    "5": "A valid amount is required.",
    "6": "The credit card number is invalid.",
    "7": "Credit card expiration date is invalid.",
    "8": "The credit card has expired.",
    "11": "A duplicate transaction has been submitted.",
    "13": "The merchant login ID or password is invalid or the account is inactive.",
    "16": "The transaction cannot be found.",
    "17": "The merchant does not accept this type of credit card.",
    "18": "ACH transactions are not accepted by this merchant.",
    **dict.fromkeys(("19", "20", "21", "22", "23", "24", "25", "26"), _TRY_AGAIN),
    "27": "The transaction has been declined because of an AVS mismatch. The address provided does "
    "not match billing address of cardholder.",
    "28": "The merchant does not accept this type of credit card.",
    "33": "A valid referenced transaction ID is required.",
    "37": "The credit card number is invalid.",
    "39": "The supplied currency code is either invalid, not supported, not allowed for this "
    "merchant or doesn't have an exchange rate.",
    "44": _DECLINED_TEXT,
    "45": _DECLINED_TEXT,
    "47": "The amount requested for settlement cannot be greater than the original amount "
    "authorized.",
    "50": "This transaction is awaiting settlement and cannot be refunded.",
    "54": "The referenced transaction does not meet the criteria for issuing a credit.",
    "55": "The sum of credits against the referenced transaction would exceed original debit "
    "amount.",
    "65": _DECLINED_TEXT,
    "250": _DECLINED_TEXT,
    "251": _DECLINED_TEXT,
    "252": _HELD_TEXT,
    "253": _HELD_TEXT,
    "254": _DECLINED_TEXT,
    "295": "The amount of this request was only partially approved on the given prepaid card. "
    "Additional payments are required to complete the balance of this transaction.",
    "310": "This transaction has already been voided.",
    "311": "This transaction has already been captured.",
}

_BY_RESPONSE = {
    APPROVED: ("1", "310", "311"),
    DECLINED: ("2", "3", "4", "27", "44", "45", "65", "250", "251", "254"),
    HELD: ("252", "253", "295"),
}


def response_code(reason: str) -> str:
    """The response code of a reason: everything that is not listed is an error."""
    return next((code for code, reasons in _BY_RESPONSE.items() if reason in reasons), ERROR)
