"""How schemathesis makes bodies: its hooks, found through SCHEMATHESIS_HOOKS."""

from __future__ import annotations

from typing import Any

import schemathesis

from gateway.seeding import TEST_KEY

_INTEGER_MAX = 2**53

_OTHER_KEY = "key_test_9A33XWu170gUtmQe"


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Nobody revokes the key that all the other requests are made with."""
    if case.path_parameters and case.path_parameters.get("id") == TEST_KEY:
        case.path_parameters["id"] = _OTHER_KEY


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """Integers are written as integers: to JSON Schema 7.0 is one, to a payment it never is."""
    return _whole(body)


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_whole(member) for member in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= _INTEGER_MAX:
        return int(value)
    return value
