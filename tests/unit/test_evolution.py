"""Values made directly, and changed copies: as a dataclass' constructor and `replace` make them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import Any

import pytest

from gateway.domain.entities import PaymentStatus
from gateway.domain.evolution import directly_made, evolve
from tests.unit.scenario import captured

SCENARIO = captured()
ENTITIES = [SCENARIO.order, SCENARIO.payment, SCENARIO.operation, SCENARIO.attempt]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: type(entity).__name__)
def test_a_copy_without_changes_is_equal(entity: object) -> None:
    """Each field is taken over, and the copy is as frozen as the original."""
    copy = evolve(entity)

    assert entity == copy
    assert entity is not copy
    with pytest.raises(FrozenInstanceError):
        copy.id = "x"  # type: ignore[attr-defined]


def test_only_the_named_fields_change() -> None:
    """And the original keeps its own."""
    payment = SCENARIO.payment
    changes: dict[str, Any] = {
        "status": PaymentStatus.EXPIRED,
        "amount_released": 5,
        "next_action": "{}",
    }

    assert replace(payment, **changes) == evolve(payment, **changes)
    assert PaymentStatus.SUCCESS == payment.status


def test_an_unknown_field_is_refused() -> None:
    """A misspelt name must not pass silently."""
    with pytest.raises(AttributeError, match="amount_payed"):
        evolve(SCENARIO.payment, amount_payed=1)


@dataclass(frozen=True, slots=True)
class Plain:
    """One field of each sort."""

    first: int
    second: str = "two"
    third: list[int] = field(default_factory=list)
    fourth: int | None = field(default=None, kw_only=True)


@directly_made
@dataclass(frozen=True, slots=True)
class Direct:
    """The same, with the quick constructor."""

    first: int
    second: str = "two"
    third: list[int] = field(default_factory=list)
    fourth: int | None = field(default=None, kw_only=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda kind: kind(1),
        lambda kind: kind(1, "b", [3]),
        lambda kind: kind(first=1, third=[], fourth=4),
        lambda kind: replace(kind(1), second="c"),
        lambda kind: evolve(kind(1), fourth=5),
    ],
)
def test_a_directly_made_value_is_as_a_dataclass_makes_it(make: Callable[[Any], Any]) -> None:
    """Positions, names, defaults and factories; its own class, frozen, and equal."""
    plain, direct = make(Plain), make(Direct)

    assert repr(plain).removeprefix("Plain") == repr(direct).removeprefix("Direct")
    assert type(direct) is Direct
    assert direct == make(Direct)
    assert direct.third is not make(Direct).third
    with pytest.raises(FrozenInstanceError):
        direct.first = 2


@pytest.mark.parametrize(
    "make",
    [
        lambda kind: kind(),
        lambda kind: kind(1, "b", [], 4),
        lambda kind: kind(1, first=1),
        lambda kind: kind(1, fifth=5),
    ],
)
def test_wrong_arguments_are_refused(make: Callable[[Any], Any]) -> None:
    """As any constructor refuses them."""
    for kind in (Plain, Direct):
        with pytest.raises(TypeError):
            make(kind)


def test_what_cannot_be_made_directly_is_refused() -> None:
    """Such a constructor would leave out a part of it."""

    @dataclass(frozen=True, slots=True)
    class Later:
        first: int

        def __post_init__(self) -> None:
            raise AssertionError

    @dataclass(frozen=True, slots=True)
    class Below(Plain):
        pass

    @dataclass(frozen=True, slots=True)
    class Hidden:
        first: int = field(default=1, init=False)

    for kind in (Later, Below, Hidden):
        with pytest.raises(TypeError, match=kind.__name__):
            directly_made(kind)
