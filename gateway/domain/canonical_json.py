"""JSON whose bytes a JavaScript receiver reproduces with `JSON.stringify(JSON.parse(body))`.

Receivers of webhooks sign what their language makes of the body, not the bytes they were sent, so
ours must already be what JavaScript would write: the public contract, section 4.
"""

from __future__ import annotations

import json
import re

import orjson

__all__ = ["dumps"]

_INTEGER_MAX = 2**53  # the last integer up to which a JavaScript number misses none
_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_ARRAY_INDEX_MAX = 2**32 - 2  # ECMA-262, 6.1.7: greater ones are ordinary names
_SURROGATE = re.compile("[\ud800-\udfff]")
_AFTER_DIGITS = ":"  # the character after "9": a name that sorts before it may be a number


def dumps(value: object, *, depth_max: int = 64) -> bytes:
    """Compact UTF-8 JSON of dicts, lists, tuples, strings, integers, booleans and None.

    Names that are array indices come first, ascending, as JavaScript orders them; the others keep
    their order. Lone surrogates are escaped as well-formed `JSON.stringify` does.

    Raises ValueError for a float, for any other type, for an integer beyond 2^53 either way, for
    a name that is no string or stands twice, and for nesting deeper than `depth_max`.
    """
    if _is_plain(value, depth_max):
        try:
            return orjson.dumps(value)
        except TypeError:  # surrogates, which only the exact way below can write
            pass
    text = json.dumps(_as_javascript(value, depth_max), ensure_ascii=False, separators=(",", ":"))
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _is_plain(value: object, depth_left: int) -> bool:
    """Whether orjson writes the wanted bytes; what it is unsure of goes the exact way."""
    if type(value) is int:
        return -_INTEGER_MAX <= value <= _INTEGER_MAX
    if type(value) is str or type(value) is bool or value is None:
        return True
    if depth_left == 0:
        return False
    if type(value) is dict:
        return _is_plain_object(value, depth_left)
    return type(value) is list and all(_is_plain(item, depth_left - 1) for item in value)


def _is_plain_object(members: dict[object, object], depth_left: int) -> bool:
    for name, item in members.items():
        if type(name) is not str or name < _AFTER_DIGITS:
            return False
        # Nearly every member is one of these: a call for each took longer than all the rest.
        if type(item) is str or item is None or item is True or item is False:
            continue
        if not _is_plain(item, depth_left - 1):
            return False
    return True


def _as_javascript(value: object, depth_left: int) -> object:
    """The same value in plain types, names in JavaScript's order, strings in UTF-16's terms."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _as_utf16(value)
    if isinstance(value, int):
        return _exact_integer(value)
    if depth_left == 0 and isinstance(value, dict | list | tuple):
        raise ValueError("the value is nested too deeply")
    if isinstance(value, dict):
        return _as_object(value, depth_left)
    if isinstance(value, list | tuple):
        return [_as_javascript(item, depth_left - 1) for item in value]
    raise ValueError(f"{type(value).__name__} has no place in canonical JSON")


def _exact_integer(value: int) -> int:
    if not -_INTEGER_MAX <= value <= _INTEGER_MAX:
        raise ValueError("JavaScript cannot hold an integer beyond 2^53 exactly")
    return int(value)


def _as_object(members: dict[object, object], depth_left: int) -> dict[str, object]:
    indices: dict[int, object] = {}
    names: dict[str, object] = {}
    for key, item in members.items():
        if not isinstance(key, str):
            raise ValueError("a name must be a string")  # noqa: TRY004  # one error for callers
        name = _as_utf16(key)
        exact = _as_javascript(item, depth_left - 1)
        if _ARRAY_INDEX.fullmatch(name) and int(name) <= _ARRAY_INDEX_MAX:
            indices[int(name)] = exact
        else:
            names[name] = exact
    if len(indices) + len(names) != len(members):
        raise ValueError("two names are the same in JavaScript")
    return {str(index): indices[index] for index in sorted(indices)} | names


def _as_utf16(text: str) -> str:
    """Two surrogates in a row are one character to JavaScript; a lone one stays what it is."""
    plain = str.__str__(text)  # of a subclass, the characters and not its own notion of them
    if not _SURROGATE.search(plain):
        return plain
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
