"""What answers are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "EXAMPLE_ID",
    "Amount",
    "Answer",
    "Capture",
    "Currency",
    "CustomerId",
    "Deleted",
    "DisputeId",
    "EndpointId",
    "EventId",
    "KeyId",
    "Listed",
    "MethodName",
    "Mode",
    "Notes",
    "OrderId",
    "PaymentId",
    "RefundId",
    "SettlementId",
    "Time",
    "TokenId",
    "Uuid",
]

EXAMPLE_ID = "9A33XWu170gUtmQe"
_EXAMPLE_UUID = "7b0c2f1e-4c7e-4d53-9b0a-2f1e4c7e4d53"
_EXAMPLE_TIME = "2026-11-01T10:15:30.000Z"


def _id(prefix: str) -> Any:
    return Field(pattern=f"^{prefix}_[A-Za-z0-9]{{16}}$", examples=[f"{prefix}_{EXAMPLE_ID}"])


OrderId = Annotated[str, _id("order")]
PaymentId = Annotated[str, _id("pay")]
RefundId = Annotated[str, _id("rfnd")]
CustomerId = Annotated[str, _id("cust")]
EventId = Annotated[str, _id("evt")]
TokenId = Annotated[str, _id("tok")]
DisputeId = Annotated[str, _id("disp")]
SettlementId = Annotated[str, _id("setl")]
EndpointId = Annotated[str, _id("we")]
KeyId = Annotated[str, Field(pattern="^key_(test|live)_", examples=[f"key_test_{EXAMPLE_ID}"])]
Uuid = Annotated[str, Field(json_schema_extra={"format": "uuid"}, examples=[_EXAMPLE_UUID])]
Time = Annotated[datetime, Field(examples=[_EXAMPLE_TIME])]
Amount = Annotated[int, Field(ge=0, examples=[50_000])]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", examples=["INR"])]
Mode = Literal["test", "live"]
Capture = Literal["manual", "automatic"]
MethodName = Literal["upi", "card", "netbanking", "wallet", "token"]
Notes = Annotated[dict[str, str | int | bool | None], Field(examples=[{"table": "12"}])]


class Answer(BaseModel):
    """An object of ours; later versions may add members."""

    model_config = ConfigDict(use_attribute_docstrings=True)


Row = TypeVar("Row", bound=Answer)


class Deleted(Answer):
    """It is gone."""

    id: Annotated[str, Field(examples=[f"cust_{EXAMPLE_ID}"])]
    deleted: Literal[True]


class Listed(Answer, Generic[Row]):
    """A page of a list, newest first."""

    # Where the docstrings of a parametrized class would be read from is not where it stands.
    model_config = ConfigDict(use_attribute_docstrings=False)

    data: list[Row]
    total: Annotated[int, Field(ge=0, examples=[1])]
    limit: Annotated[int, Field(ge=1, le=100, examples=[10])]
    offset: Annotated[int, Field(ge=0, examples=[0])]
    has_more: Annotated[bool, Field(examples=[False])]
