"""Which deliveries this process has in its hands, and the stream entries that name them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Held", "UnderWay"]


@dataclass(slots=True)
class Held:
    """A delivery under way; `again` when it became due once more meanwhile."""

    entry_ids: list[str] = field(default_factory=list)
    again: bool = False


class UnderWay:
    """At most `held_max` deliveries at a time, each of them once however often it is named."""

    def __init__(self, held_max: int) -> None:
        self._held_max = held_max
        self._held: dict[str, Held] = {}
        self.has_room = asyncio.Event()
        self.is_empty = asyncio.Event()
        self.has_room.set()
        self.is_empty.set()

    def __len__(self) -> int:
        return len(self._held)

    @property
    def room(self) -> int:
        """How many more there may be."""
        return max(0, self._held_max - len(self._held))

    @property
    def ids(self) -> list[str]:
        """The deliveries."""
        return list(self._held)

    @property
    def entry_ids(self) -> list[str]:
        """The stream entries to be kept claimed."""
        return [entry_id for held in self._held.values() for entry_id in held.entry_ids]

    def admit_due(self, delivery_ids: Iterable[str]) -> list[str]:
        """Those of the ids, popped from the schedule, that were not under way."""
        fresh = []
        for delivery_id in delivery_ids:
            held = self._held.get(delivery_id)
            if held is not None:
                held.again = True
            else:
                self._held[delivery_id] = Held()
                fresh.append(delivery_id)
        self._signal()
        return fresh

    def admit_new(self, delivery_id: str) -> bool:
        """Take a delivery that nobody has named yet; False when there is no room."""
        if not self.room or delivery_id in self._held:
            return False
        self._held[delivery_id] = Held()
        self._signal()
        return True

    def admit_claimed(self, jobs: Iterable[tuple[str, str]]) -> list[str]:
        """Those of the jobs' (delivery id, entry id) whose delivery was not under way.

        Any other entry is kept with it, and acknowledged together with the first.
        """
        fresh = []
        for delivery_id, entry_id in jobs:
            held = self._held.get(delivery_id)
            if held is None:
                held = self._held[delivery_id] = Held()
                fresh.append(delivery_id)
            if entry_id not in held.entry_ids:
                held.entry_ids.append(entry_id)
        self._signal()
        return fresh

    def release(self, delivery_id: str) -> Held:
        """The delivery is out of our hands; what was held of it."""
        held = self._held.pop(delivery_id, None)
        self._signal()
        return held or Held()

    def _signal(self) -> None:
        if len(self._held) < self._held_max:
            self.has_room.set()
        else:
            self.has_room.clear()
        if self._held:
            self.is_empty.clear()
        else:
            self.is_empty.set()
