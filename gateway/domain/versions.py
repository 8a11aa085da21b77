"""Dated versions of the public contract: what changed with each, and how to speak an older one.

The gateway speaks the newest version inside. A change knows both ways across itself: an older
request is brought forward, change by change, and a new answer brought back, from the newest change
to the caller's version. What a change does not concern passes it untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = [
    "FIRST_VERSION",
    "VERSIONS",
    "UnknownVersion",
    "VersionChange",
    "Versions",
    "back",
    "forward",
]

Members = dict[str, Any]

FIRST_VERSION = "2026-11-01"


class UnknownVersion(Exception):
    """There is no version of this date."""


def _same(_what: str, members: Members) -> Members:
    return members


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChange:
    """What a version, named by its date, changed against the one before.

    `forward` makes a request's body of the version before one of this version; it is told the call,
    such as `POST /api/v1/orders`. `back` makes an object of this version one of the version before;
    it is told the kind, which is what its id begins with: `order`, `pay`, `rfnd`. Neither may
    change what it was given; both answer something of their own, or the same.
    """

    version: str
    description: str
    forward: Callable[[str, Members], Members] = _same
    back: Callable[[str, Members], Members] = _same


class Versions:
    """All versions, oldest first."""

    def __init__(self, changes: Sequence[VersionChange] = ()) -> None:
        """`changes` are in the order of their dates; raises ValueError when they are not."""
        self.known = (FIRST_VERSION, *(change.version for change in changes))
        if list(self.known) != sorted(set(self.known)):
            raise ValueError("each version is later than the one before")
        self._newer = {
            version: tuple(changes[number:]) for number, version in enumerate(self.known)
        }

    @property
    def current(self) -> str:
        """The newest: what new merchants are pinned to."""
        return self.known[-1]

    def changes_since(self, version: str) -> Sequence[VersionChange]:
        """The changes that came after a version, oldest first. Raises UnknownVersion."""
        try:
            return self._newer[version]
        except KeyError:
            raise UnknownVersion(version) from None


def forward(changes: Sequence[VersionChange], call: str, members: Members) -> Members:
    """A request's body as the newest version has it; `changes` are those since the caller's."""
    for change in changes:
        members = change.forward(call, members)
    return members


def back(changes: Sequence[VersionChange], content: Any) -> Any:
    """An answer as the caller's version has it, with every object in it."""
    if isinstance(content, list):
        return [back(changes, item) for item in content]
    if not isinstance(content, dict):
        return content
    members = {name: back(changes, value) for name, value in content.items()}
    kind = _kind(members.get("id"))
    for change in reversed(changes):
        members = change.back(kind, members)
    return members


def _kind(identity: object) -> str:
    return identity.partition("_")[0] if isinstance(identity, str) and "_" in identity else ""


VERSIONS = Versions()
"""The versions of the gateway: there is one so far."""
