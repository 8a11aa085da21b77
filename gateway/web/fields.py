"""Kinds of fields that bodies are made of, each with its limits and its own words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError
from yarl import URL

from gateway.domain.emails import is_email
from gateway.domain.errors import InvalidRequest
from gateway.domain.instruments import METHODS, TOKEN
from gateway.domain.money import AMOUNT_MAX, NO_AMOUNT_LIMITS, AmountLimits, exponent
from gateway.web.razorpay_events import RAZORPAY_NAMES

__all__ = [
    "EVENT_TYPES",
    "Amount",
    "AnyMethod",
    "BodyModel",
    "Color",
    "Contact",
    "Currency",
    "Email",
    "EventTypes",
    "LaterAmount",
    "Logo",
    "Method",
    "Moment",
    "Notes",
    "Origin",
    "PageUrl",
    "ShortText",
    "Text",
    "notes_text",
    "parse_moment",
]

_NOTES_MAX = 50
_NOTE_NAME_CHARACTERS_MAX = 256
_NOTE_CHARACTERS_MAX = 1024
_INTEGER_MAX = 2**53  # what every client can hold exactly
_URL_CHARACTERS_MAX = 2048
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_UNIX_SECONDS_MAX = 32_503_680_000  # the year 3000
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\"<>`]")
_BARE_CURRENCY = "INR"
_AMOUNT_TEXT = (
    "In the currency's minor unit. At least one major unit (100 paise, 1 yen, 1,000 fils), unless"
    " the gateway's operator has set other bounds for the currency."
)
_CONTACT = re.compile(r"\+?[0-9][0-9 ().-]{2,30}[0-9]", re.ASCII)
_COLOR = re.compile(r"#[0-9a-f]{6}", re.ASCII)
_LOGO_CHARACTERS_MAX = 32_768  # it is part of every checkout page, which is to stay light
_LOGO_DATA = re.compile(
    r"data:image/(?:png|jpeg|webp|gif|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}", re.ASCII
)

EVENT_TYPES = frozenset(
    {
        "order.paid",
        "order.cancelled",
        "order.expired",
        "payment.created",
        "payment.pending",
        "payment.requires_action",
        "payment.unknown",
        "payment.success",
        "payment.captured",
        "payment.failed",
        "payment.cancelled",
        "payment.expired",
        "refund.created",
        "refund.processed",
        "refund.failed",
        "token.created",
        "token.deleted",
        "dispute.created",
        "dispute.under_review",
        "dispute.won",
        "dispute.lost",
        "dispute.closed",
        "subscription.created",
        "subscription.activated",
        "subscription.charged",
        "subscription.past_due",
        "subscription.halted",
        "subscription.paused",
        "subscription.resumed",
        "subscription.cancelled",
        "subscription.completed",
        "invoice.paid",
        "invoice.partially_paid",
        "invoice.payment_failed",
        "invoice.cancelled",
        "invoice.expired",
        "payment_link.paid",
        "payment_link.partially_paid",
        "payment_link.cancelled",
        "payment_link.expired",
        "webhook.test",
    }
)
_RAZORPAY_EVENTS = frozenset(RAZORPAY_NAMES.values())


class BodyModel(BaseModel):
    """A body: nothing is converted, nothing unknown is let through, nothing is echoed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


def _rule(text: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{text}", {"text": text})


def _currency(value: str) -> str:
    try:
        exponent(value)
    except InvalidRequest as refusal:
        raise _rule(refusal.description) from None
    return value


def _order_amount(value: int, info: ValidationInfo) -> int:
    # A currency that was refused is named already; the amount is then measured by the default.
    limits: AmountLimits = info.context or NO_AMOUNT_LIMITS
    try:
        return limits.check(value, info.data.get("currency") or _BARE_CURRENCY)
    except InvalidRequest as refusal:
        raise _rule(refusal.description) from None


def _method(value: Any) -> Any:
    if value not in METHODS:
        raise _rule("Invalid payment method")
    return value


def _any_method(value: Any) -> Any:
    return value if value == TOKEN else _method(value)


def parse_moment(value: Any) -> datetime:
    """A time as RFC 3339 text or unix seconds; raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= _UNIX_SECONDS_MAX:
            raise ValueError("no time")
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, str) or _RFC_3339.fullmatch(value) is None:
        raise ValueError("no time")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("no time") from None


def _moment(value: Any, info: ValidationInfo) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_moment(value)
    except ValueError:
        raise _rule(f"{info.field_name} must be an RFC 3339 time or unix seconds") from None


def _notes(value: Any) -> Any:
    """PHP's empty array means an empty object; floats have no place in a signed body."""
    if value == [] or value is None:
        return {}
    if not isinstance(value, dict):
        raise _rule("notes must be an object")
    if len(value) > _NOTES_MAX:
        raise _rule(f"notes must have at most {_NOTES_MAX} entries")
    for name, note in value.items():
        if len(name) > _NOTE_NAME_CHARACTERS_MAX:
            raise _rule(f"notes must have names of at most {_NOTE_NAME_CHARACTERS_MAX} characters")
        if isinstance(note, str):
            right = len(note) <= _NOTE_CHARACTERS_MAX
        else:
            whole = note is None or isinstance(note, bool)
            right = whole or (isinstance(note, int) and abs(note) <= _INTEGER_MAX)
        if not right:
            raise _rule(
                f"notes must be texts of at most {_NOTE_CHARACTERS_MAX} characters, integers or"
                " booleans"
            )
    return value


def notes_text(notes: dict[str, Any]) -> str:
    """The notes as they are stored."""
    return orjson.dumps(notes).decode() if notes else "{}"


def _page_url(value: Any, info: ValidationInfo) -> Any:
    """An address that a shopper's browser is sent to: http or https, and nothing hidden in it."""
    if value is None:
        return None
    if isinstance(value, str) and _is_page_url(value):
        return value
    raise _rule(f"{info.field_name} must be an http or https URL")


def _is_page_url(value: str) -> bool:
    if len(value) > _URL_CHARACTERS_MAX or _NOT_IN_URLS.search(value):
        return False
    try:
        url = URL(value)
        return bool(url.scheme in ("http", "https") and url.raw_host and url.user is None)
    except ValueError:
        return False


def _origin(value: Any) -> str:
    if isinstance(value, str) and _is_page_url(value):
        url = URL(value)
        if str(url.origin()) == value.rstrip("/").lower():
            return str(url.origin())
    raise _rule("allowed_origins must be origins such as https://shop.example")


def _color(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, str) and _COLOR.fullmatch(value.lower()):
        return value.lower()
    raise _rule("branding.color must be a colour such as #1d4ed8")


def _logo(value: Any) -> Any:
    """An image that a page of ours shows: from an https address, or all in the text itself.

    An SVG runs nothing in an `img`, which is all that pages put it into.
    """
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= _LOGO_CHARACTERS_MAX:
        if _LOGO_DATA.fullmatch(value):
            return value
        if _is_page_url(value) and URL(value).scheme == "https":
            return value
    raise _rule(
        "branding.logo_url must be an https URL, or a data: URL of a PNG, JPEG, WebP, GIF or SVG in"
        f" base64 of at most {_LOGO_CHARACTERS_MAX} characters"
    )


def _email(value: str) -> str:
    if not is_email(value):
        raise _rule("email must be an e-mail address")
    return value


def _contact(value: str) -> str:
    if _CONTACT.fullmatch(value) is None:
        raise _rule("contact must be a telephone number such as +919876543210")
    return value


def _event_types(value: Any) -> Any:
    """All events, `*` or an empty list, is an empty list. Any format's names are let through."""
    if not isinstance(value, list) or len(value) > len(EVENT_TYPES):
        raise _rule("events must be a list of event types")
    if "*" in value:
        return ()
    for name in value:
        if not isinstance(name, str) or not _is_event_type(name):
            raise _rule("events must be a list of event types")
    return tuple(dict.fromkeys(value))


def _is_event_type(name: str) -> bool:
    if name in EVENT_TYPES or name in _RAZORPAY_EVENTS:
        return True
    return re.fullmatch(r"dispute\.[a-z_]{1,32}", name) is not None


def _described(kind: str, example: Any, **rules: Any) -> WithJsonSchema:
    """What the document says of a field whose rules are code."""
    return WithJsonSchema({"type": kind, **rules, "examples": [example]})


def _or_null(kind: str, example: Any, **rules: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": [kind, "null"], **rules, "examples": [example]})


_NOTE_SCHEMA = {
    "anyOf": [
        {"type": "string", "maxLength": _NOTE_CHARACTERS_MAX},
        {"type": "integer", "minimum": -_INTEGER_MAX, "maximum": _INTEGER_MAX},
        {"type": ["boolean", "null"]},
    ]
}

Text = Annotated[str, Field(min_length=1, max_length=255)]
ShortText = Annotated[str, Field(min_length=1, max_length=64)]
Email = Annotated[
    str, AfterValidator(_email), _described("string", "asha@example.com", format="email")
]
Contact = Annotated[
    str,
    AfterValidator(_contact),
    _described("string", "+919876543210", pattern=f"^{_CONTACT.pattern}$"),
]
Currency = Annotated[
    str, AfterValidator(_currency), _described("string", "INR", pattern="^[A-Z]{3}$")
]
# What an order may cost, and what may be taken or given back of it later.
Amount = Annotated[
    int,
    AfterValidator(_order_amount),
    _described("integer", 50_000, minimum=1, maximum=AMOUNT_MAX, description=_AMOUNT_TEXT),
]
LaterAmount = Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
Method = Annotated[str, BeforeValidator(_method), _described("string", "upi", enum=sorted(METHODS))]
AnyMethod = Annotated[
    str, BeforeValidator(_any_method), _described("string", "upi", enum=sorted({*METHODS, TOKEN}))
]
Moment = Annotated[
    datetime | None,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "integer", "minimum": 0, "maximum": _UNIX_SECONDS_MAX},
                {"type": "null"},
            ]
        }
    ),
]
Notes = Annotated[
    dict[str, Any],
    BeforeValidator(_notes),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "object",
                    "maxProperties": _NOTES_MAX,
                    "propertyNames": {"maxLength": _NOTE_NAME_CHARACTERS_MAX},
                    "additionalProperties": _NOTE_SCHEMA,
                },
                {"type": "array", "items": {"type": "string"}, "maxItems": 0},
                {"type": "null"},
            ],
            "examples": [{"table": "12"}],
        }
    ),
]
PageUrl = Annotated[
    str | None,
    BeforeValidator(_page_url),
    _or_null("string", "https://shop.example/thanks", format="uri", maxLength=_URL_CHARACTERS_MAX),
]
Color = Annotated[
    str | None, BeforeValidator(_color), _or_null("string", "#1d4ed8", pattern="^#[0-9a-fA-F]{6}$")
]
Logo = Annotated[
    str | None,
    BeforeValidator(_logo),
    _or_null(
        "string", "https://shop.example/logo.png", format="uri", maxLength=_LOGO_CHARACTERS_MAX
    ),
]
Origin = Annotated[
    str, BeforeValidator(_origin), _described("string", "https://shop.example", format="uri")
]
_EVENT_SCHEMA = {
    "anyOf": [
        {"type": "string", "enum": sorted({"*", *EVENT_TYPES, *_RAZORPAY_EVENTS})},
        {"type": "string", "pattern": r"^dispute\.[a-z_]{1,32}$"},
    ]
}
EventTypes = Annotated[
    tuple[str, ...],
    BeforeValidator(_event_types),
    _described("array", ["payment.success"], items=_EVENT_SCHEMA, maxItems=len(EVENT_TYPES)),
]
