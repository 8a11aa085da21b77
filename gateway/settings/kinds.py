"""What settings are made of: kinds of values, checked and read from text."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from gateway.domain.money import amount_limits

__all__ = [
    "AmountBounds",
    "Amounts",
    "BasisPoints",
    "CommaSeparated",
    "Networks",
    "Percent",
    "Port",
    "PositivePercent",
    "Seconds",
    "SecondsList",
    "SecondsOrNone",
    "SecondsRange",
    "SettingsSection",
]


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _are_networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for number, part in enumerate(value, start=1):
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise ValueError(f"number {number} is no address and no network") from None
    return value


def _are_amounts(value: tuple[str, ...]) -> tuple[str, ...]:
    for number, part in enumerate(value, start=1):
        if not re.fullmatch(r"[A-Z]{3}:[0-9]{1,12}", part):
            raise ValueError(f"number {number} is not like INR:200")
    return value


def _are_bounds(value: tuple[str, ...]) -> tuple[str, ...]:
    amount_limits(value)
    return value


def _is_range(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError("the first number is to be the smaller one")
    return value


CommaSeparated = Annotated[tuple[str, ...], BeforeValidator(_split)]
Networks = Annotated[CommaSeparated, AfterValidator(_are_networks)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SecondsOrNone = Annotated[float, Field(ge=0, allow_inf_nan=False)]
SecondsRange = Annotated[
    tuple[SecondsOrNone, SecondsOrNone], BeforeValidator(_split), AfterValidator(_is_range)
]
SecondsList = Annotated[tuple[Seconds, ...], BeforeValidator(_split), Field(max_length=10)]
AmountBounds = Annotated[CommaSeparated, AfterValidator(_are_bounds)]
Amounts = Annotated[CommaSeparated, AfterValidator(_are_amounts)]
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]
Percent = Annotated[int, Field(ge=0, le=100)]
PositivePercent = Annotated[int, Field(ge=1, le=100)]


class SettingsSection(BaseModel):
    """Some of the settings: one attribute a setting, its docstring what operators read."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True
    )
