"""Fault points: places in a running process where its tests make it die or fail.

They exist only with TEST_MODE and GATEWAY_TEST_CONTROLS; nothing can arm them otherwise. The points
are named where they are hit, in the journal, the enqueuer, the processor actors, the keeper of
bills and where notifications of processors come in and are handled.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Literal, get_args

__all__ = ["POINTS", "Action", "Faults"]

Action = Literal["kill", "raise"]

POINTS = (
    "journal.before_commit",
    "journal.during_commit",
    "journal.after_commit",
    "enqueuer.before_send",
    "processor.after_call",
    "bills.before_attach",
    "bills.before_settle",
    "inbound.before_keep",
    "inbound.before_asking",
    "inbound.before_telling",
    "inbound.before_record",
)


class InjectedFault(Exception):
    """What an armed point raises."""


@dataclass(slots=True)
class _Armed:
    action: Action
    skip: int


class Faults:
    """Points that are armed strike once."""

    def __init__(self) -> None:
        self._armed: dict[str, _Armed] = {}

    def arm(self, point: str, action: str, *, after: int = 0) -> None:
        """Strike at `point` the next time it is reached, or after `after` times.

        `kill` ends the process at once, as kill -9 does; `raise` raises. Raises ValueError for a
        point or an action that does not exist.
        """
        if point not in POINTS:
            raise ValueError(f"point must be one of {', '.join(POINTS)}")
        if action not in get_args(Action):
            raise ValueError(f"action must be one of {', '.join(get_args(Action))}")
        self._armed[point] = _Armed("kill" if action == "kill" else "raise", after)

    async def hit(self, point: str) -> None:
        """The process has come to `point`."""
        armed = self._armed.get(point)
        if armed is None:
            return
        if armed.skip:
            armed.skip -= 1
            return
        del self._armed[point]
        if armed.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise InjectedFault(point)
