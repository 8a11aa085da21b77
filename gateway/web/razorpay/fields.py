"""Kinds of fields as the libraries send them: numbers as texts, flags as 0 and 1, notes as lists.

Limits are those of https://razorpay.com/docs/api, April 2026.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from gateway.web.fields import Amount, Contact, Email, LaterAmount, Notes, parse_moment

__all__ = [
    "Flag",
    "Receipt",
    "WireAmount",
    "WireCustomer",
    "WireInteger",
    "WireLaterAmount",
    "WireModel",
    "WireMoment",
    "WireNotes",
    "WireNotesBody",
    "WireText",
    "absent",
    "as_text",
]

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NOTES_MAX = 15
_NOTE_CHARACTERS_MAX = 256
_RECEIPT_CHARACTERS_MAX = 40
_TRUE = (True, 1, "1", "true")
_FALSE = (False, 0, "0", "false")


class WireModel(BaseModel):
    """A body; only the kinds of fields below convert anything."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


def _whole(value: Any) -> Any:
    """A form knows only texts, and so do some merchants."""
    return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value


def _flag(value: Any) -> Any:
    if isinstance(value, bool | int | str):
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
    return value


def absent(value: Any) -> Any:
    """An empty text is a field of a form that was left empty."""
    return None if value == "" else value


def as_text(value: Any) -> Any:
    """What consists of digits may be sent as a number: cards, codes, telephone numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _notes(value: Any) -> Any:
    if isinstance(value, dict):
        if len(value) > _NOTES_MAX:
            raise _rule(f"notes must have at most {_NOTES_MAX} entries")
        for name, note in value.items():
            if max(len(name), len(note) if isinstance(note, str) else 0) > _NOTE_CHARACTERS_MAX:
                raise _rule(f"notes must have at most {_NOTE_CHARACTERS_MAX} characters each")
    return value


def _rule(text: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{text}", {"text": text})


def _moment(value: Any, info: ValidationInfo) -> Any:
    """Unix seconds; 0 and an empty text are no time."""
    seconds = _whole(value)
    if seconds in (None, "", 0):
        return None
    try:
        return parse_moment(seconds if isinstance(seconds, int) else None)
    except ValueError:
        raise _rule(f"{info.field_name} must be a time in unix seconds") from None


WireInteger = Annotated[int, BeforeValidator(_whole)]
WireAmount = Annotated[Amount, BeforeValidator(_whole)]
WireLaterAmount = Annotated[LaterAmount, BeforeValidator(_whole)]
Flag = Annotated[bool, BeforeValidator(_flag)]
WireNotes = Annotated[Notes, BeforeValidator(_notes)]
WireText = Annotated[
    Annotated[str, Field(max_length=255)] | None,
    BeforeValidator(absent),
]
Receipt = Annotated[
    Annotated[str, Field(max_length=_RECEIPT_CHARACTERS_MAX)] | None,
    BeforeValidator(absent),
]
WireMoment = Annotated[datetime | None, BeforeValidator(_moment)]


class WireCustomer(WireModel):
    """Whom a payment link or an invoice is for."""

    name: WireText = None
    email: Annotated[Email | None, BeforeValidator(absent)] = None
    contact: Annotated[Contact | None, BeforeValidator(as_text), BeforeValidator(absent)] = None


class WireNotesBody(WireModel):
    """`PATCH` of an order, a payment or a refund: nothing but the notes can be changed."""

    notes: WireNotes
