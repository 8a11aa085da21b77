"""Forms of pages: bounded, UTF-8, no text that a store would refuse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl

from aiohttp import web

from gateway.domain.errors import InvalidRequest

__all__ = ["Form", "read_form"]

_FIELDS_MAX = 200
_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
_FORM = "application/x-www-form-urlencoded"


class Form:
    """The fields of a form that was sent; one that was not sent is an empty text."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._fields = fields

    def __contains__(self, name: str) -> bool:
        return any(each == name for each, _ in self._fields)

    def raw(self, name: str) -> str:
        """The first value as it was sent: for passwords, which keep their blanks."""
        return next((value for each, value in self._fields if each == name), "")

    def text(self, name: str) -> str:
        """The first value without blanks around it."""
        return self.raw(name).strip()

    def all(self, name: str) -> list[str]:
        """All values that are not empty, as of checkboxes with one name."""
        values = (value.strip() for each, value in self._fields if each == name)
        return [value for value in values if value]

    def lines(self, name: str) -> list[str]:
        """The lines of a text area that are not empty."""
        return [line.strip() for line in self.raw(name).splitlines() if line.strip()]


async def read_form(request: web.Request) -> Form:
    """The form that the request brought; what is no form has no fields.

    May be called again for the same request. Raises InvalidRequest, and
    HTTPRequestEntityTooLarge from the framework.
    """
    if request.content_type != _FORM:
        return Form([])
    try:
        text = (await request.read()).decode()
        fields = parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=_FIELDS_MAX
        )
    except web.RequestPayloadError:
        raise InvalidRequest("The form could not be read") from None
    except ValueError:
        raise InvalidRequest("The form is not valid") from None
    if any(_BAD_TEXT.search(name) or _BAD_TEXT.search(value) for name, value in fields):
        raise InvalidRequest("The form has a character that is not allowed")
    return Form(fields)
