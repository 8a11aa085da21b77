"""What an endpoint subscribes to: said in the names of its format, stored in the gateway's own.

An empty list stands for all events of the format. The journal compares names alone, so for an
endpoint of format `razorpay` all events are stored as those that Razorpay knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.domain.errors import InvalidRequest
from gateway.web.fields import EVENT_TYPES
from gateway.web.razorpay_events import RAZORPAY_NAMES

__all__ = ["change_subscription", "shown_events", "stored_events"]

_RAZORPAY = "razorpay"
_OWN_NAMES = {razorpay: own for own, razorpay in RAZORPAY_NAMES.items()}
_NOT_OURS = _OWN_NAMES.keys() - EVENT_TYPES


def stored_events(format_: str, names: Sequence[str]) -> list[str]:
    """What to store for these names of the format.

    Raises InvalidRequest for a name that the format does not have.
    """
    if format_ == _RAZORPAY:
        unknown = [name for name in names if name not in _OWN_NAMES]
    else:
        unknown = [name for name in names if name in _NOT_OURS]
    if unknown:
        raise InvalidRequest(f"Format {format_} has no event {unknown[0]}", field="events")
    if format_ == _RAZORPAY:
        return [_OWN_NAMES[name] for name in names or RAZORPAY_NAMES.values()]
    return list(names)


def shown_events(format_: str, stored: Sequence[str]) -> list[str]:
    """The same in the names of the format; `*` for all."""
    if not stored or _is_all(format_, stored):
        return ["*"]
    if format_ != _RAZORPAY:
        return list(stored)
    return [RAZORPAY_NAMES.get(name, name) for name in stored]


def change_subscription(
    format_: str, stored: Sequence[str], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The changes of an endpoint, its `events` as they are to be stored after them.

    Where the format changes and no events are given, those stay that the new format knows, too.
    Raises InvalidRequest for a name that the format does not have, and where none would stay.
    """
    new_format = changes.get("format", format_)
    changed = dict(changes)
    if "events" in changes:
        changed["events"] = stored_events(new_format, changes["events"])
    elif new_format != format_:
        changed["events"] = _carried_over(format_, new_format, stored)
    return changed


def _carried_over(format_: str, new_format: str, stored: Sequence[str]) -> list[str]:
    if not stored or _is_all(format_, stored):
        return stored_events(new_format, ())
    if new_format != _RAZORPAY:
        return list(stored)
    kept = [name for name in stored if name in RAZORPAY_NAMES]
    if not kept:
        raise InvalidRequest(f"Format {new_format} has none of the events", field="events")
    return kept


def _is_all(format_: str, stored: Sequence[str]) -> bool:
    return format_ == _RAZORPAY and set(stored) >= RAZORPAY_NAMES.keys()
