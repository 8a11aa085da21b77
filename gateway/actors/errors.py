"""Errors of the actor machinery.

ActorError
├── Overloaded            a limit is reached: try later
│   ├── MailboxFull
│   ├── TasksFull
│   ├── RegionFull
│   └── BatcherFull
├── ActorStopped          the receiver has ended, or ends, and will not handle the message
│   ├── RegionStopped
│   └── BatcherClosed
├── DeadlineExceeded      no answer in time; whether the message was handled is not known
├── HandlerCancelled      the work was cancelled from outside before it had an answer
├── CircularAsk           an ask that could only wait for itself
├── WrongThread           tell and ask belong to the event loop's own thread
└── TooManyRestarts       why a supervisor gave up
"""

from __future__ import annotations

__all__ = [
    "ActorError",
    "ActorStopped",
    "BatcherClosed",
    "BatcherFull",
    "CircularAsk",
    "DeadlineExceeded",
    "HandlerCancelled",
    "MailboxFull",
    "Overloaded",
    "RegionFull",
    "RegionStopped",
    "TasksFull",
    "TooManyRestarts",
    "WrongThread",
]


class ActorError(Exception):
    """Something about actors, not about what they do.

    The text names actors and message types, never what a message holds.
    """


class Overloaded(ActorError):
    """A limit is reached; nothing was accepted."""


class MailboxFull(Overloaded):
    """As many messages wait for this actor as its mailbox may hold."""


class TasksFull(Overloaded):
    """The actor has as much slow work under way as it may have."""


class RegionFull(Overloaded):
    """As many entities live as may, and none of the least recently used is idle."""


class BatcherFull(Overloaded):
    """As many items wait for a batch as may."""


class ActorStopped(ActorError):
    """The actor has stopped or is stopping; the message was not handled to its end."""


class RegionStopped(ActorStopped):
    """The region has not started, or stops, and takes no messages."""


class BatcherClosed(ActorStopped):
    """The batcher is closed, or was closed before the item's batch was done."""


class DeadlineExceeded(ActorError, TimeoutError):
    """No answer in time. The message may still be handled: the outcome is unknown."""


class HandlerCancelled(ActorError):
    """The work ended by a cancellation that the asker did not ask for; the outcome is unknown."""


class CircularAsk(ActorError):
    """The asked actor waits for the asker, so the answer could never come."""


class WrongThread(ActorError):
    """Called from outside the event loop; `tell_threadsafe` is the way in."""


class TooManyRestarts(ActorError):
    """Children failed more often than the restart intensity allows."""
