"""What the gateway tells its metrics. The default observers tell nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.domain.work import UnitOfWork

__all__ = ["Observers"]


def _nobody(*_: object) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Observers:
    """One callable for each thing that is counted or timed; seconds are seconds.

    `journal_batch(size, waited_seconds)`, `committed(units)`,
    `processor_call(processor, verb, outcome, seconds)`, `delivery(outcome, seconds)`,
    `request(route, method, status, seconds)`, `job(kind, outcome, seconds)`, `limited(limit)`,
    `card_refused(guard)`, `books(differences, ended_at)`, `notification(processor, outcome)`.
    """

    journal_batch: Callable[[int, float], None] = _nobody
    committed: Callable[[Sequence[UnitOfWork]], None] = _nobody
    processor_call: Callable[[str, str, str, float], None] = _nobody
    delivery: Callable[[str, float], None] = _nobody
    request: Callable[[str, str, int, float], None] = _nobody
    job: Callable[[str, str, float], None] = _nobody
    limited: Callable[[str], None] = _nobody
    card_refused: Callable[[str], None] = _nobody
    books: Callable[[int, float], None] = _nobody
    notification: Callable[[str, str], None] = _nobody
