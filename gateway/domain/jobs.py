"""Work that waits for somebody to do it: ids only, never data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.evolution import directly_made

__all__ = ["Job", "JobKind", "operation_job"]


class JobKind(StrEnum):
    """One stream each, so that slow webhooks never stand before payments."""

    PAYMENTS = "payments"
    REFUNDS = "refunds"
    WEBHOOKS = "webhooks"


@directly_made
@dataclass(frozen=True, slots=True)
class Job:
    """Something to do. A doubled job is harmless: whoever takes it asks the owner first.

    `identity` is whose it is: the order's id, for webhooks the endpoint's id, or empty.
    `subject` is what it is about: the operation's id, for webhooks the delivery's id.
    """

    kind: JobKind
    identity: str
    subject: str


def operation_job(kind: str, order_id: str, operation_id: str) -> Job:
    """The job of an operation of this kind."""
    refunds = kind in ("refund", "release")
    return Job(JobKind.REFUNDS if refunds else JobKind.PAYMENTS, order_id, operation_id)
