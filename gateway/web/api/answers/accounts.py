"""The merchant, and what tests ask, as they are answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.web.api.answers.common import (
    Amount,
    Answer,
    Capture,
    Currency,
    KeyId,
    MethodName,
    Mode,
    PaymentId,
    Time,
    Uuid,
)

__all__ = [
    "ArmedFault",
    "BankEntry",
    "BankLedger",
    "Branding",
    "ClockTime",
    "JobsStatus",
    "Merchant",
    "SeededMerchant",
]


class Branding(Answer):
    """What the checkout looks like."""

    color: Annotated[str | None, Field(examples=["#1d4ed8"])]
    logo_url: Annotated[str | None, Field(examples=[None])]


class Merchant(Answer):
    """The merchant's profile and settings."""

    id: Uuid
    name: Annotated[str, Field(examples=["Test Merchant"])]
    email: Annotated[str, Field(examples=["test@example.com"])]
    api_key: KeyId
    webhook_url: Annotated[str | None, Field(examples=["https://shop.example/webhooks"])]
    webhook_secret: Annotated[str | None, Field(examples=[None])]
    mode: Mode
    default_capture: Capture
    enabled_methods: list[MethodName]
    allowed_origins: Annotated[list[str], Field(examples=[["https://shop.example"]])]
    return_url: Annotated[str | None, Field(examples=["https://shop.example/thanks"])]
    branding: Branding
    api_version: Annotated[str, Field(examples=["2026-11-01"])]
    created_at: Time
    updated_at: Time


class SeededMerchant(Answer):
    """The merchant of test mode."""

    id: Uuid
    email: Annotated[str, Field(examples=["test@example.com"])]
    api_key: KeyId | None
    seeded: Literal[True]


class JobsStatus(Answer):
    """How much work is open and done."""

    pending: Annotated[int, Field(ge=0)]
    processing: Annotated[int, Field(ge=0)]
    completed: Annotated[int, Field(ge=0)]
    failed: Annotated[int, Field(ge=0)]
    worker_status: Literal["running", "stopped"]


class BankEntry(Answer):
    """One thing that the simulated bank did."""

    reference: Annotated[str, Field(examples=["att_9A33XWu170gUtmQe"])]
    payment_id: PaymentId
    refund_id: Annotated[str | None, Field(examples=[None])]
    kind: Literal["charge", "authorize", "capture", "refund", "void"]
    amount: Amount
    currency: Currency
    created_at: Time


class BankLedger(Answer):
    """A page of what the simulated bank did, oldest first."""

    data: list[BankEntry]
    total: Annotated[int, Field(ge=0, examples=[1])]
    limit: Annotated[int, Field(ge=1, examples=[1000])]
    offset: Annotated[int, Field(ge=0, examples=[0])]


class ClockTime(Answer):
    """What the clock shows now."""

    now: Time


class ArmedFault(Answer):
    """What will strike."""

    armed: Annotated[str, Field(examples=["journal.before_commit"])]
    action: Annotated[str, Field(examples=["kill"])]
