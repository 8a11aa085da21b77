"""Routing rules, what they would do, and processors, as they are answered."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.web.api.answers.common import EXAMPLE_ID, Answer, Currency, Listed, MethodName, Time

__all__ = [
    "Processor",
    "ProcessorList",
    "RoutingChoice",
    "RoutingRule",
    "RoutingRuleList",
    "RoutingStep",
]

_RULE = f"rule_{EXAMPLE_ID}"
RuleId = Annotated[str, Field(pattern="^rule_[A-Za-z0-9]{16}$", examples=[_RULE])]
ProcessorName = Annotated[str, Field(examples=["simulator"])]


class RoutingRule(Answer):
    """Payments of a kind and the processors for them; an empty list fits everything."""

    id: RuleId
    position: Annotated[int, Field(ge=1, examples=[1])]
    """Rules are tried in this order."""
    name: Annotated[str, Field(examples=["Cards in dollars"])]
    active: bool
    currencies: list[Currency]
    methods: list[MethodName]
    card_networks: Annotated[list[str], Field(examples=[["visa"]])]
    amount_min: Annotated[int | None, Field(examples=[1_000])]
    amount_max: Annotated[int | None, Field(examples=[None])]
    processors: list[ProcessorName]
    """The first one, then those that are tried when it surely did nothing."""
    created_at: Time
    updated_at: Time


class RoutingRuleList(Listed[RoutingRule]):
    """All rules in the order in which they are tried."""


class RoutingStep(Answer):
    """One sentence of the explanation: about a rule, one of its processors, or no rule."""

    rule_id: Annotated[str | None, Field(examples=[_RULE])]
    processor: Annotated[str | None, Field(examples=["simulator"])]
    taken: bool
    """Whether the rule fits, or the processor is among the chosen."""
    text: Annotated[str, Field(examples=["Is tried first"])]


class RoutingChoice(Answer):
    """Where the payment would go; no processors: it would be refused."""

    processors: list[ProcessorName]
    rule_id: Annotated[str | None, Field(examples=[_RULE])]
    steps: list[RoutingStep]


class Processor(Answer):
    """A processor that rules can name; null for methods and currencies is all of them."""

    name: ProcessorName
    usable: bool
    """Whether it can take any payment of this merchant in this mode."""
    reason: Annotated[str | None, Field(examples=[None])]
    """Why it cannot."""
    has_own_account: bool
    methods: Annotated[list[str] | None, Field(examples=[["card"]])]
    currencies: Annotated[list[str] | None, Field(examples=[["USD"]])]
    modes: list[Literal["test", "live"]]
    single_step: bool
    partial_capture: bool
    multiple_captures: bool
    stores_instruments: bool
    accepts_nonces: bool
    open_breakers: Annotated[list[str], Field(examples=[[]])]
    """What the gateway does not ask it for at the moment, because it keeps failing."""


class ProcessorList(Listed[Processor]):
    """All processors that are there."""
