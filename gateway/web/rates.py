"""Rate limits: by API key and by client address, for each class of routes.

Fixed windows, counted in Redis for all processes. Header fields: draft-ietf-httpapi-ratelimit-
headers-11; what is counted by is never in them. While Redis is away everything is let through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from aiohttp import web

from gateway.domain.clock import Clock
from gateway.domain.rates import OFF, rate_of
from gateway.queue.counters import Counter, Counters
from gateway.web.client_addresses import client_address, client_network
from gateway.web.errors import Refused

__all__ = ["CLASSES", "LimitReached", "RateLimits", "chosen", "subject_of_address"]

CLASSES: Mapping[str, tuple[str, ...]] = {
    "read": ("key", "address"),
    "write": ("key", "address"),
    "payment": ("key", "address"),
    "attempt": ("address",),
    "public": ("address",),
    "sign_in": ("address",),
    "inbound": ("address",),
}
"""The classes of routes (`gateway.web.routes.Route.rate_class`), and what each is counted by."""

_TEXT = "Too many requests. Please wait before you send more."


class LimitReached(Refused):
    """Too often: 429, with the seconds to wait (draft-ietf-httpapi-ratelimit-headers, 5)."""

    code = "RATE_LIMIT_ERROR"
    status = 429
    reason = "rate_limit_exceeded"

    def __init__(
        self,
        wait_seconds: int,
        description: str = _TEXT,
        *,
        reason: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(description, reason=reason)
        self.headers = {"Retry-After": str(wait_seconds), **(headers or {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    subject: str
    name: str
    quota: int
    seconds: int

    @property
    def policy(self) -> str:
        return f'"{self.name}";q={self.quota};w={self.seconds}'


class RateLimits:
    """The limits that the settings switch on. `observe` is told of each refusal: the limit."""

    def __init__(
        self, settings: Any, counters: Counters, clock: Clock, observe: Callable[[str], None]
    ) -> None:
        self._counters = counters
        self._clock = clock
        self._observe = observe
        self._trusted_proxies = settings.trusted_proxies
        self._limits = _limits(settings)

    @property
    def are_on(self) -> bool:
        """Whether there is any limit at all."""
        return bool(self._limits)

    async def charge(
        self, request: web.Request, rate_class: str, key_id: str | None
    ) -> Mapping[str, str] | None:
        """Count the request and answer the headers that tell of it; None where nothing is counted.

        Without a key only the address counts. Raises LimitReached, with these headers.
        """
        limits = self._limits.get(rate_class, ())
        if key_id is None:
            limits = tuple(limit for limit in limits if limit.subject == "address")
        if not limits:
            return None
        now = int(self._clock.now().timestamp())
        counters = [self._counter(request, limit, key_id, now) for limit in limits]
        counts = await self._counters.count(counters)
        if counts is None:
            return None
        return self._told(limits, counts, now)

    def _counter(
        self, request: web.Request, limit: _Limit, key_id: str | None, now: int
    ) -> Counter:
        if limit.subject == "key":
            subject = key_id or ""
        else:
            subject = subject_of_address(client_address(request, self._trusted_proxies))
        return f"rate:{limit.name}:{subject}:{now // limit.seconds}", limit.seconds

    def _told(self, limits: Sequence[_Limit], counts: Sequence[int], now: int) -> Mapping[str, str]:
        states, waits = [], []
        for limit, count in zip(limits, counts, strict=True):
            ends_seconds = limit.seconds - now % limit.seconds
            states.append(f'"{limit.name}";r={max(limit.quota - count, 0)};t={ends_seconds}')
            if count > limit.quota:
                waits.append(ends_seconds)
                self._observe(limit.name)
        headers = {
            "RateLimit-Policy": ", ".join(limit.policy for limit in limits),
            "RateLimit": ", ".join(states),
        }
        if waits:
            raise LimitReached(max(waits), headers=headers)
        return headers


def chosen(settings: Any, name: str, value: Any, off: Any) -> Any:
    """A limit's value; in test mode it is off unless somebody has set it."""
    return off if settings.test_mode and name not in settings.model_fields_set else value


@lru_cache(maxsize=4096)
def subject_of_address(address: str) -> str:
    """What stands for an address: it may be a person's, so not the address itself."""
    return blake2b(client_network(address).encode(), digest_size=12).hexdigest()


def _limits(settings: Any) -> Mapping[str, tuple[_Limit, ...]]:
    found: dict[str, tuple[_Limit, ...]] = {}
    for rate_class, subjects in CLASSES.items():
        limits = []
        for subject in subjects:
            setting = f"rate_limit_{rate_class}_{subject}"
            rate = rate_of(chosen(settings, setting, getattr(settings, setting), OFF))
            if rate is not None:
                name = f"{rate_class}-{subject}"
                limits.append(_Limit(subject=subject, name=name, quota=rate[0], seconds=rate[1]))
        if limits:
            found[rate_class] = tuple(limits)
    return found
