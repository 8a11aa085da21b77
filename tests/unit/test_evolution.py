"""Changed copies of entities: as `dataclasses.replace` makes them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from gateway.domain.entities import PaymentStatus
from gateway.domain.evolution import evolve
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
    with pytest.raises(KeyError, match="amount_payed"):
        evolve(SCENARIO.payment, amount_payed=1)
