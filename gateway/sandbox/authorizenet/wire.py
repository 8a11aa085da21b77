"""Bytes in, bytes out: JSON whose amounts stay exact, replies that begin with a byte order mark."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NoReturn

import orjson

from gateway.sandbox.authorizenet.refusals import Refused, invalid_value

__all__ = [
    "CONTENT_TYPE",
    "Members",
    "amount_of",
    "child",
    "encode",
    "envelope",
    "instant",
    "local",
    "many",
    "money",
    "parse",
    "text_of",
]

Members = dict[str, Any]

CONTENT_TYPE = "application/json; charset=utf-8"
_BOM = b"\xef\xbb\xbf"
_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,4})?", re.ASCII)
_CENT = Decimal("0.01")


def parse(body: bytes) -> tuple[str, Members]:
    """The name of the operation and its members. Raises Refused E00003."""
    try:
        document = json.loads(
            body.decode("utf-8-sig"),
            parse_float=Decimal,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError):
        raise _unreadable() from None
    if not isinstance(document, dict) or len(document) != 1:
        raise _unreadable()
    name, members = next(iter(document.items()))
    if not isinstance(members, dict):
        raise _unreadable()
    return name, members


def encode(reply: Members) -> bytes:
    """A reply as the real one sends it."""
    return _BOM + orjson.dumps(reply)


def envelope(code: str, text: str, *, error: bool) -> Members:
    """The messages that end every reply."""
    return {"resultCode": "Error" if error else "Ok", "message": [{"code": code, "text": text}]}


def money(amount: Decimal) -> orjson.Fragment:
    """An amount as a JSON number with two decimals: 5.00, never 5.0000000001."""
    return orjson.Fragment(f"{amount:.2f}".encode())


def amount_of(value: Any, element: str = "amount") -> Decimal:
    """An amount in major units, from a number or a text. Raises Refused E00003.

    More than two decimals are kept; whoever asks for the amount refuses them.
    """
    text = str(value) if isinstance(value, str | int | Decimal) else ""
    if isinstance(value, bool) or not _DECIMAL.fullmatch(text):
        raise invalid_value(element, "The value is invalid according to its datatype 'Decimal'.")
    amount = Decimal(text)
    return amount.quantize(_CENT) if amount == amount.quantize(_CENT) else amount


def text_of(members: Members, name: str) -> str:
    """A member as text; empty when it is not there."""
    value = members.get(name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | Decimal) else ""


def child(members: Members, name: str) -> Members:
    """A member that is an object; empty when it is not there."""
    value = members.get(name)
    return value if isinstance(value, dict) else {}


def many(value: Any) -> Sequence[Members]:
    """A member that may be one object or a list of them."""
    found = value if isinstance(value, list) else [value]
    return [each for each in found if isinstance(each, dict)]


def instant(moment: datetime) -> str:
    """A time in UTC, to the millisecond."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def local(moment: datetime) -> str:
    """The same in the merchant's time zone, which is UTC here."""
    return instant(moment).removesuffix("Z")


def _unreadable() -> Refused:
    return Refused("E00003", "An error occurred while parsing the XML request.")


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")


def _object(pairs: list[tuple[str, Any]]) -> Members:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    for name, value in pairs:
        # Half a surrogate pair has no UTF-8: it could not be echoed.
        f"{name}{value if isinstance(value, str) else ''}".encode()
    return members
