"""The form as a browser without script sends it: to the payment's fields, and back with errors.

Card data goes from the form into the command and nowhere else. It is never shown again: after an
error the shopper types it once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.errors import FieldError
from gateway.domain.ids import is_id
from gateway.domain.instruments import TOKEN
from gateway.web.errors import Problem
from gateway.web.forms import Form
from gateway.web.pages.catalogue import message

__all__ = [
    "FIELD_TEXTS",
    "FORM_TEXTS",
    "FormErrors",
    "errors_of",
    "members_of",
    "shown_again",
]

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "upi": ("vpa",),
    "card": ("card_number", "card_expiry", "card_cvv", "card_holder_name"),
    "netbanking": ("bank",),
    "wallet": ("wallet",),
}
_SHOWN_AGAIN = ("vpa", "bank", "wallet", "card_holder_name", "save")

FIELD_TEXTS: Mapping[str, str] = {
    "vpa": message("Enter your UPI ID, such as name@bank"),
    "card_number": message("Check the card number"),
    "card_expiry": message("Check the expiry date"),
    "card_cvv": message("Check the security code"),
    "card_holder_name": message("Enter the name on the card"),
    "bank": message("Choose your bank"),
    "wallet": message("Choose your wallet"),
}
"""What is wrong with a field, whichever way it is wrong."""

FORM_TEXTS: Mapping[str, str] = {
    "busy": message("We cannot take the payment right now. Please try again in a few seconds."),
    "closed": message("This shop cannot take payments right now. Nothing was charged."),
    "declines": message("Cards cannot be used right now. Please choose another way to pay."),
    "often": message("Too many attempts. Please wait a minute, then try again."),
    "refused": message("The payment could not be started. Please check your details."),
}
_TOO_MANY = 429
_NO_PROCESSOR = "no_processor"
_DECLINES = "too_many_declines"
_FIRST_FAULT = 500
# The same fields, as the other form of a card names them.
_OTHER_NAMES = {
    "card": "card_number",
    "card.number": "card_number",
    "card.cvv": "card_cvv",
    "card.expiry_month": "card_expiry",
    "card.expiry_year": "card_expiry",
    "card.holder_name": "card_holder_name",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormErrors:
    """Texts by field, and one for the form where it is no field's fault."""

    fields: Mapping[str, str] = field(default_factory=dict)
    form: str = ""


def members_of(form: Form, order_id: str, signature: str | None) -> dict[str, object]:
    """The members of `POST /payments/public` for the chosen method; other fields are left out.

    `signature` is the shop's word for its customer, which goes along with saved cards.
    """
    method = form.text("method")
    vouched = {"customer_signature": signature} if signature else {}
    if is_id(method, "tok"):
        return {"order_id": order_id, "method": TOKEN, "token_id": method, **vouched}
    given = {name: form.text(name) for name in _FIELDS.get(method, ())}
    chosen: dict[str, object] = {name: value for name, value in given.items() if value}
    if method == "card" and form.text("save"):
        chosen |= {"save": True, **vouched}
    return {"order_id": order_id, "method": method, **chosen}


def shown_again(form: Form) -> dict[str, str]:
    """What may stand in the form again after an error."""
    return {name: form.text(name) for name in _SHOWN_AGAIN}


def errors_of(problem: Problem, errors: tuple[FieldError, ...] = ()) -> FormErrors:
    """Where to show a refusal."""
    names = [problem.field or "", *(each.field for each in errors)]
    known = [_OTHER_NAMES.get(name, name) for name in names]
    fields = {name: FIELD_TEXTS[name] for name in known if name in FIELD_TEXTS}
    if fields:
        return FormErrors(fields=fields)
    if problem.reason == _DECLINES:
        return FormErrors(form=FORM_TEXTS["declines"])
    if problem.status == _TOO_MANY:
        return FormErrors(form=FORM_TEXTS["often"])
    if problem.reason == _NO_PROCESSOR:
        return FormErrors(form=FORM_TEXTS["closed"])
    is_ours = problem.status >= _FIRST_FAULT
    return FormErrors(form=FORM_TEXTS["busy" if is_ours else "refused"])
