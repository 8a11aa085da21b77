"""The two ways in which Authorize.Net says no: to a request, and to a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "Refused",
    "Unsuccessful",
    "incomplete",
    "invalid_value",
    "not_found",
    "unexpected_child",
]

_NAMESPACE = "AnetApi/xml/v1/schema/AnetApiSchema.xsd"


class Refused(Exception):
    """A request that ends at the request level; `members` stand beside the reply's messages."""

    def __init__(self, code: str, text: str, **members: Any) -> None:
        super().__init__(code)
        self.code = code
        self.text = text
        self.members: Mapping[str, Any] = members


class Unsuccessful(Exception):
    """A transaction that ends with a response reason code and without an id of its own."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def unexpected_child(element: str, child: str) -> Refused:
    """A member that is unknown or out of order, in the words the real one was seen to use."""
    return Refused(
        "E00003",
        f"The element '{element}' in namespace '{_NAMESPACE}' has invalid child element '{child}' "
        f"in namespace '{_NAMESPACE}'.",
    )


def incomplete(element: str, child: str) -> Refused:
    """A member that the schema requires is not there."""
    return Refused(
        "E00003",
        f"The element '{element}' in namespace '{_NAMESPACE}' has incomplete content. List of "
        f"possible elements expected: '{child}' in namespace '{_NAMESPACE}'.",
    )


def invalid_value(element: str, why: str) -> Refused:
    """A value of the wrong type or length. It is not quoted: it may be a card number."""
    return Refused("E00003", f"The '{_NAMESPACE}:{element}' element is invalid - {why}")


def not_found() -> Refused:
    """A profile, batch or transaction that is asked for by an id nobody has given out."""
    return Refused("E00040", "The record cannot be found.")
