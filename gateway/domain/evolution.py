"""Frozen values at the price of open ones: made, and copied with changes.

The constructor of a frozen dataclass sets each field by `object.__setattr__`, and
`dataclasses.replace` calls that: 5 µs for an order, and a payment makes some forty values. Here an
object begins as one of an *open twin*, a class with the same slots and nothing else, is filled by
plain assignments, and gets its own class, frozen, before anybody sees it: 1 µs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

__all__ = ["directly_made", "evolve"]

Value = TypeVar("Value")

_copiers: dict[type[Any], Callable[[Any], Any]] = {}


def directly_made(kind: type[Value]) -> type[Value]:
    """Class decorator, to stand over `@dataclass(frozen=True, slots=True)`: a quick constructor.

    It takes what the dataclass' own takes. Raises TypeError for a class with a base, with
    `__post_init__` or with a field that the constructor does not take.
    """
    parts: list[Field[Any]] = list(fields(kind))  # type: ignore[arg-type] # mypy: any class
    if kind.__bases__ != (object,) or hasattr(kind, "__post_init__"):
        raise TypeError(f"{kind.__name__} has a base or __post_init__")
    if not all(part.init for part in parts):
        raise TypeError(f"{kind.__name__} has a field that its constructor does not take")
    known: dict[str, Any] = {"new": object.__new__, "twin": _open_twin(kind), "missing": MISSING}
    parameters = [_parameter(part, known) for part in parts if not part.kw_only]
    if any(part.kw_only for part in parts):
        parameters += ["*", *(_parameter(part, known) for part in parts if part.kw_only)]
    lines = [
        f"def __new__(cls, {', '.join(parameters)}):",
        "    made = new(twin)",
        *(f"    made.{part.name} = {_argument(part)}" for part in parts),
        "    made.__class__ = cls",
        "    return made",
    ]
    exec("\n".join(lines), known)  # noqa: S102 - made of the names of our own fields
    kind.__new__ = known["__new__"]  # type: ignore[method-assign]
    del kind.__init__
    return kind


def evolve(entity: Value, **changes: Any) -> Value:
    """A copy of a frozen, slotted dataclass without bases, with these fields changed.

    Raises AttributeError for a field that it does not have.
    """
    kind: type[Any] = type(entity)
    copy = _copiers.get(kind)
    if copy is None:
        copy = _copiers[kind] = _copier(kind)
    changed = copy(entity)
    for name, value in changes.items():
        setattr(changed, name, value)
    changed.__class__ = kind
    return changed  # type: ignore[no-any-return]


def _parameter(part: Field[Any], known: dict[str, Any]) -> str:
    if part.default_factory is not MISSING:
        known[f"make_{part.name}"] = part.default_factory
        return f"{part.name}=missing"
    if part.default is not MISSING:
        known[f"default_{part.name}"] = part.default
        return f"{part.name}=default_{part.name}"
    return part.name


def _argument(part: Field[Any]) -> str:
    if part.default_factory is MISSING:
        return part.name
    return f"make_{part.name}() if {part.name} is missing else {part.name}"


def _open_twin(kind: type[Any]) -> type[Any]:
    return type(kind.__name__, (), {"__slots__": tuple(part.name for part in fields(kind))})


def _copier(kind: type[Any]) -> Callable[[Any], Any]:
    """Copies an object of the class to one of its open twin."""
    known: dict[str, Any] = {"new": object.__new__, "twin": _open_twin(kind)}
    lines = [
        "def copy(entity):",
        "    made = new(twin)",
        *(f"    made.{part.name} = entity.{part.name}" for part in fields(kind)),
        "    return made",
    ]
    exec("\n".join(lines), known)  # noqa: S102 - made of the names of our own fields
    copy: Callable[[Any], Any] = known["copy"]
    return copy
