"""Where ciphertext waits while Redis is away: bounded in number and in time."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

__all__ = ["SealedMemory", "WaitingSecret"]


@dataclass(frozen=True, slots=True)
class WaitingSecret:
    """One ciphertext and when it is to be forgotten, in seconds of the monotonic clock."""

    sealed: bytes = field(repr=False)
    forget_at: float


class SealedMemory:
    """Ciphertext by payment, each for `expire_seconds`, at most `entries_max` of them.

    All live equally long, so those that were put first expire first.
    """

    def __init__(
        self,
        *,
        entries_max: int,
        expire_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entries_max = entries_max
        self._expire_seconds = expire_seconds
        self._monotonic = monotonic
        self._entries: OrderedDict[str, WaitingSecret] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, payment_id: str, sealed: bytes) -> bool:
        """Keep a ciphertext in place of any earlier one; False when there is no room."""
        self.expire()
        if payment_id not in self._entries and len(self._entries) >= self._entries_max:
            return False
        self._entries[payment_id] = WaitingSecret(sealed, self._monotonic() + self._expire_seconds)
        self._entries.move_to_end(payment_id)
        return True

    def get(self, payment_id: str) -> WaitingSecret | None:
        """What waits for this payment, if anything does."""
        self.expire()
        return self._entries.get(payment_id)

    def remove(self, payment_id: str) -> None:
        """Forget what waits for this payment, if anything does."""
        self._entries.pop(payment_id, None)

    def first(self, count: int) -> dict[str, WaitingSecret]:
        """Up to `count` of those that wait, longest waiting first."""
        self.expire()
        return dict(islice(self._entries.items(), count))

    def milliseconds_left(self, entry: WaitingSecret) -> int:
        """How much longer the ciphertext may exist; 1 at least, because Redis refuses 0."""
        return max(1, int((entry.forget_at - self._monotonic()) * 1000))

    def expire(self) -> None:
        """Forget what has waited too long."""
        now = self._monotonic()
        while self._entries:
            payment_id, entry = next(iter(self._entries.items()))
            if entry.forget_at > now:
                return
            del self._entries[payment_id]
