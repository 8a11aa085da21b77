"""Merchants' own accounts at processors, as they are answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.web.api.answers.common import Answer, Listed, Mode, Time, Uuid

__all__ = [
    "ProcessorAccount",
    "ProcessorAccountCheck",
    "ProcessorAccountList",
    "RemovedProcessorAccount",
]


class ProcessorAccountCheck(Answer):
    """What the processor said when it was asked last whether it takes the credentials."""

    result: Literal["accepted", "refused", "unchecked"]
    """`unchecked`: it could not be asked."""
    message: Annotated[str | None, Field(examples=[None])]
    checked_at: Time | None


class ProcessorAccount(Answer):
    """The merchant's own account at a processor."""

    id: Uuid
    mode: Mode
    processor: Annotated[str, Field(examples=["authorizenet"])]
    name: Annotated[str, Field(examples=["Main account"])]
    credentials: Annotated[
        dict[str, str],
        Field(examples=[{"api_login_id": "••••1234", "transaction_key": "••••"}]),
    ]
    """Masked: nothing secret is shown."""
    active: bool
    """New payments go to the active account; what was paid with another stays with it."""
    check: ProcessorAccountCheck
    created_at: Time
    updated_at: Time


class ProcessorAccountList(Listed[ProcessorAccount]):
    """Accounts, newest first."""


class RemovedProcessorAccount(Answer):
    """It is gone, or takes no more payments."""

    id: Uuid
    deleted: bool
    """False where payments or saved cards need it: captures and refunds go on with it."""
    active: Literal[False]
