"""Bodies by what they are: JSON, or a form with names such as `notes[key]` and `items[0][amount]`.

The content type is not believed. A library that sends one resource as JSON and the next as a form
keeps the header of the first, so what counts is the first character that is no space.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import BaseModel

from gateway.domain.errors import InvalidRequest
from gateway.web.bodies import DEPTH_MAX, Body, check_texts, parse_json, read_bytes
from gateway.web.calls import call_of

__all__ = ["parse_form", "read_wire_body", "wire_fields", "wire_model"]

_SPACES = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_SHOWN_MAX = 64

Model = TypeVar("Model", bound=BaseModel)


async def wire_fields(request: web.Request, model: type[Model]) -> Model:
    """The fields of the body; raises InvalidRequest that names what is wrong with them."""
    return wire_model(await read_wire_body(request), model)


def wire_model(body: Body, model: type[Model]) -> Model:
    """The validated fields; what nobody asked for is refused in Razorpay's words."""
    known = {field.alias or name for name, field in model.model_fields.items()}
    unknown = [name[:_SHOWN_MAX] for name in body.members if name not in known]
    if unknown:
        raise InvalidRequest(
            f"{', '.join(unknown[:8])} is/are not required and should not be sent",
            field=unknown[0],
        )
    return body.as_model(model)


async def read_wire_body(request: web.Request) -> Body:
    """The object that the request brought; an empty body is an empty object.

    Raises InvalidRequest, and HTTPRequestEntityTooLarge from the framework.
    """
    data = (await read_bytes(request)).removeprefix(_BYTE_ORDER_MARK).strip(_SPACES)
    services = call_of(request).services
    fields_max = services.settings.form_fields_max
    return Body(_members(data, fields_max=fields_max), services.policy.amount_limits)


def _members(data: bytes, *, fields_max: int) -> dict[str, Any]:
    if not data:
        return {}
    if data[:1] == b"{":
        found: dict[str, Any] = parse_json(data)
        return found
    if data[:1] == b"[":
        if parse_json(data) == []:  # PHP's empty array
            return {}
        raise InvalidRequest("The request body must be an object")
    return parse_form(data, fields_max=fields_max)


def parse_form(data: bytes, *, fields_max: int) -> dict[str, Any]:
    """The values of a form, all of them texts, in objects and lists as the names say.

    Names are PHP's: `a[b]` is a member, `a[0]` and `a[]` are entries of a list. Raises
    InvalidRequest for what is no form, too many fields, names in names beyond `DEPTH_MAX`, and for
    what is given twice.
    """
    if data.count(b"&") >= fields_max:
        raise InvalidRequest(f"The form must have at most {fields_max} fields")
    try:
        text = data.decode().strip("&")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest("The request body is not valid UTF-8") from None
    except ValueError:
        raise InvalidRequest("The request body is neither a JSON object nor a form") from None
    form: dict[str, Any] = {}
    for name, value in pairs:
        _put(form, name, value)
    for name, value in form.items():
        form[name] = _with_lists(value)
    check_texts(form)
    return form


def _put(form: dict[str, Any], name: str, value: str) -> None:
    match = _NAME.fullmatch(name)
    if match is None:
        _refuse(name, "has brackets that do not match")
    parts = [match[1], *_PART.findall(match[2])]
    if len(parts) > DEPTH_MAX:
        _refuse(match[1], "is nested too deeply")
    place = form
    for part in parts[:-1]:
        inner = place.setdefault(part or str(len(place)), {})
        if not isinstance(inner, dict):
            _refuse(name, "is given as a text and as an object")
        place = inner
    last = parts[-1] or str(len(place))
    if last in place:
        _refuse(name, "is given more than once")
    place[last] = value


def _with_lists(value: Any) -> Any:
    """Objects whose names count from 0 are lists."""
    if not isinstance(value, dict):
        return value
    items = {name: _with_lists(item) for name, item in value.items()}
    if list(items) == [str(number) for number in range(len(items))]:
        return list(items.values())
    return items


def _refuse(name: str, what: str) -> NoReturn:
    shown = name[:_SHOWN_MAX].replace("\x00", "?")
    raise InvalidRequest(f"{shown} {what}", field=shown)
