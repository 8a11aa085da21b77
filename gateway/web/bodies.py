"""Request bodies, strictly: bounded, no name twice, no text that a store or a client would refuse.

The content type is not asked: clients that send JSON under another name are many.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.domain.errors import FieldError, InvalidRequest
from gateway.domain.money import NO_AMOUNT_LIMITS, AmountLimits
from gateway.domain.versions import forward
from gateway.web.calls import call_of

__all__ = [
    "DEPTH_MAX",
    "Body",
    "all_of",
    "check_texts",
    "parse_json",
    "read_body",
    "read_bytes",
    "validated",
]

DEPTH_MAX = 16
_PLAIN_DEPTH_MAX = 3
_UNSURE = 1 << 32  # more than a body has bytes
_ERRORS_MAX = 32
_NAME_CHARACTERS_MAX = 64
_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
_INTEGER_DIGITS_MAX = 30  # far beyond any amount; a longer one only burns time

Model = TypeVar("Model", bound=BaseModel)


class Body:
    """The object that a request brought; `limits` are those of amounts in it."""

    __slots__ = ("limits", "members")

    def __init__(self, members: dict[str, Any], limits: AmountLimits = NO_AMOUNT_LIMITS) -> None:
        self.members = members
        self.limits = limits

    def as_model(self, model: type[Model]) -> Model:
        """The validated fields; raises InvalidRequest that names all that are wrong."""
        return validated(model, self.members, self.limits)


async def read_bytes(request: web.Request) -> bytes:
    """The body as it was sent; it can be asked for once.

    Raises InvalidRequest, and HTTPRequestEntityTooLarge from the framework.
    """
    content = request.content
    try:
        if not content.is_eof():
            return await request.read()
        # All of it came together with the head, as it mostly does: 4.9 → 1.8 µs.
        data = content.read_nowait()
    except web.RequestPayloadError:
        raise InvalidRequest("The request body could not be read") from None
    if len(data) > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size)
    return data


async def read_body(request: web.Request) -> Body:
    """The JSON object of the request; an empty body is an empty object.

    Raises what `read_bytes` and `parse_json` raise, and InvalidRequest for anything else.
    """
    data = await read_bytes(request)
    if not data:
        return Body({})
    value = parse_json(data)
    if not isinstance(value, dict):
        raise InvalidRequest("The request body must be a JSON object")
    call = call_of(request)
    if call.changes:
        value = forward(call.changes, _call_name(request), value)
    return Body(value, call.services.policy.amount_limits)


def _call_name(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource is not None else request.path}"


def parse_json(data: bytes) -> Any:
    """The value; raises InvalidRequest for what is no JSON, too deep, or has a bad text in it."""
    plain = _plain_object(data)
    if plain is not None:
        return plain
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise InvalidRequest("The request body is not valid UTF-8") from None
    try:
        value = _DECODER.decode(text.removeprefix("\ufeff"))
    except (json.JSONDecodeError, RecursionError):
        raise InvalidRequest("The request body is not valid JSON") from None
    # Only brackets can nest, and only an escape can bring such text in.
    if text.count("{") + text.count("[") > DEPTH_MAX:
        _check_depth(value, DEPTH_MAX)
    if "\\u" in text:
        check_texts(value)
    return value


def _plain_object(data: bytes) -> dict[str, Any] | None:
    """What nearly every body is, read by orjson; None for whatever needs a closer look.

    orjson lets the last of two equal names win and makes floats of huge integers. Each member has
    a colon, so where there are no more colons than members that were read, no name came twice.
    """
    if b"\\u" in data:
        return None
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if type(value) is not dict or _plain_members(value, _PLAIN_DEPTH_MAX) != data.count(b":"):
        return None
    return value


def _plain_members(members: dict[str, Any], depth_left: int) -> int:
    """How many there are, with those of objects in them; a negative number where one is unsure."""
    count = len(members)
    for item in members.values():
        kind = type(item)
        if kind is dict and depth_left:
            count += _plain_members(item, depth_left - 1)
        elif kind is not str and kind is not int and kind is not bool and item is not None:
            return -_UNSURE
    return count


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise InvalidRequest(f"{_shown(name)} is given more than once", field=_shown(name))
            seen.add(name)
    return members


def _refuse_constant(_name: str) -> NoReturn:
    raise InvalidRequest("The request body is not valid JSON")


def _integer(digits: str) -> int:
    if len(digits) > _INTEGER_DIGITS_MAX:
        raise InvalidRequest("The request body has a number that is too large")
    return int(digits)


# Made once: a decoder with hooks of its own takes longer to make than a body to decode.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=_integer
)


def check_texts(value: Any, path: str = "") -> None:
    """Raise InvalidRequest where a text or a name in `value` has what no store takes."""
    if isinstance(value, str):
        if _BAD_TEXT.search(value):
            field = path or None
            raise InvalidRequest(
                f"{path or 'text'} has a character that is not allowed", field=field
            )
    elif isinstance(value, dict):
        for name, item in value.items():
            if _BAD_TEXT.search(name):
                raise InvalidRequest(
                    "A field name has a character that is not allowed", field=path or None
                )
            check_texts(item, f"{path}.{_shown(name)}" if path else _shown(name))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            check_texts(item, f"{path}.{position}" if path else str(position))


def _check_depth(value: Any, depth_left: int) -> None:
    if depth_left < 0:
        raise InvalidRequest("The request body is nested too deeply")
    if isinstance(value, dict):
        for item in value.values():
            _check_depth(item, depth_left - 1)
    elif isinstance(value, list):
        for item in value:
            _check_depth(item, depth_left - 1)


def validated(
    model: type[Model], members: dict[str, Any], limits: AmountLimits = NO_AMOUNT_LIMITS
) -> Model:
    """The fields as the model has them; raises InvalidRequest that names all that are wrong."""
    try:
        return model.model_validate(members, context=limits)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True, include_input=False)
        errors = [_field_error(each) for each in details[:_ERRORS_MAX]]
    raise all_of(errors)


def all_of(errors: list[FieldError]) -> InvalidRequest:
    """The refusal with all of these, the first one as its text."""
    first = errors[0]
    return InvalidRequest(first.description, field=first.field, errors=tuple(errors))


def _field_error(details: ErrorDetails) -> FieldError:
    """What is wrong with a field, without a word of what was sent."""
    path = ".".join(_shown(str(part)) for part in details["loc"]) or "body"
    context = details.get("ctx", {})
    template = _TEXTS.get(details["type"])
    if template is None:
        return FieldError(path, f"{path} is invalid")
    return FieldError(path, template.format(path=path, **context))


def _shown(name: str) -> str:
    """A name from the request, short enough to be repeated."""
    return _BAD_TEXT.sub("?", name[:_NAME_CHARACTERS_MAX])


_TEXTS = {
    "missing": "{path} is required",
    "extra_forbidden": "{path} is not a known field",
    "int_type": "{path} must be an integer",
    "int_from_float": "{path} must be an integer",
    "int_parsing_size": "{path} is too large",
    "string_type": "{path} must be a string",
    "bool_type": "{path} must be true or false",
    "dict_type": "{path} must be an object",
    "model_type": "{path} must be an object",
    "model_attributes_type": "{path} must be an object",
    "list_type": "{path} must be a list",
    "tuple_type": "{path} must be a list",
    "literal_error": "{path} must be {expected}",
    "greater_than_equal": "{path} must be at least {ge}",
    "less_than_equal": "{path} must be at most {le}",
    "string_too_short": "{path} must not be empty",
    "string_too_long": "{path} must have at most {max_length} characters",
    "string_pattern_mismatch": "{path} has the wrong format",
    "too_long": "{path} must have at most {max_length} entries",
    "rule": "{text}",
}
