"""Passwords of dashboard users: argon2id, in threads of its own, a few at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
from argon2.exceptions import VerifyMismatchError

from gateway.domain.errors import Unavailable

__all__ = ["PasswordHasher"]

Answer = TypeVar("Answer")


class PasswordHasher:
    """Hashes and verifies off the event loop, which one hash would hold for tens of milliseconds.

    At most `threads` run at once, each with `memory_kib` of memory, and `waiting_max` wait;
    beyond that Unavailable is raised. The costs default to RFC 9106's second choice. A
    password has at most `characters_max` characters: a longer one only burns time.
    """

    def __init__(
        self,
        *,
        threads: int = 2,
        waiting_max: int = 32,
        characters_max: int = 1024,
        time_cost: int = argon2.DEFAULT_TIME_COST,
        memory_kib: int = argon2.DEFAULT_MEMORY_COST,
        parallelism: int = argon2.DEFAULT_PARALLELISM,
    ) -> None:
        self._argon2 = argon2.PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism
        )
        self._characters_max = characters_max
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="password")
        self._places = threading.BoundedSemaphore(threads + waiting_max)
        self._nobodys_hash: str | None = None

    async def hash(self, password: str) -> str:
        """The text to store. Raises ValueError for a password that is too long."""
        if len(password) > self._characters_max:
            raise ValueError(f"password must have at most {self._characters_max} characters")
        return await self._in_thread(lambda: self._argon2.hash(_octets(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether it is the password.

        Pass None where there is no such user: the answer is False after the same work, so that
        the time does not tell who has an account. Raises argon2.exceptions.InvalidHashError when
        `stored` is not a hash.
        """
        if len(password) > self._characters_max:
            return False
        return await self._in_thread(lambda: self._verify(stored, password))

    def needs_rehash(self, stored: str) -> bool:
        """Whether it was made with other costs than today's; hash again after a login."""
        return self._argon2.check_needs_rehash(stored)

    def close(self) -> None:
        """Drop who still waits and end the threads once they are done."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _verify(self, stored: str | None, password: str) -> bool:
        known = stored is not None
        try:
            self._argon2.verify(stored or self._nobody(), _octets(password))
        except VerifyMismatchError:
            return False
        return known

    def _nobody(self) -> str:
        """A hash to spend the time of an unknown user on; made when first needed."""
        if self._nobodys_hash is None:
            self._nobodys_hash = self._argon2.hash(b"nobody")
        return self._nobodys_hash

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        if not self._places.acquire(blocking=False):
            raise Unavailable("Too many passwords are being checked")
        future = self._executor.submit(work)
        # Given back by the thread, not by who asked: an asker who leaves does not stop it.
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)


def _octets(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
