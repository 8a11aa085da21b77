"""The bodies of calls about routing."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.domain.instruments import CARD_NETWORKS
from gateway.web.fields import Amount, BodyModel, Currency, LaterAmount, Method, Text

__all__ = ["DryRunBody", "RoutingOrderBody", "RoutingRuleBody", "RoutingRuleChanges"]

_CONDITIONS_MAX = 50
_PROCESSORS_MAX = 8
_RULES_MAX = 1_000

CardNetwork = Annotated[str, Field(pattern=f"^({'|'.join(CARD_NETWORKS)})$", examples=["visa"])]
ProcessorName = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", examples=["authorizenet"])
]
RuleId = Annotated[
    str, Field(pattern=r"^rule_[A-Za-z0-9]{16}$", examples=["rule_9A33XWu170gUtmQe"])
]
_Currencies = Annotated[list[Currency], Field(max_length=_CONDITIONS_MAX)]
_Methods = Annotated[list[Method], Field(max_length=_CONDITIONS_MAX)]
_CardNetworks = Annotated[list[CardNetwork], Field(max_length=_CONDITIONS_MAX)]
_Processors = Annotated[list[ProcessorName], Field(min_length=1, max_length=_PROCESSORS_MAX)]


class RoutingRuleBody(BodyModel):
    """`POST /routing-rules`; an empty list fits everything."""

    name: Annotated[Text, Field(examples=["Cards in dollars"])]
    currencies: _Currencies = Field(default_factory=list, examples=[["USD"]])
    methods: _Methods = Field(default_factory=list, examples=[["card"]])
    card_networks: _CardNetworks = Field(default_factory=list)
    amount_min: LaterAmount | None = Field(default=None, examples=[1_000])
    amount_max: LaterAmount | None = None
    processors: _Processors = Field(examples=[["simulator"]])
    active: bool = True


class RoutingRuleChanges(BodyModel):
    """`PATCH /routing-rules/{id}`: what is not named stays; null takes a limit away."""

    name: Text = ""
    currencies: _Currencies = Field(default_factory=list)
    methods: _Methods = Field(default_factory=list)
    card_networks: _CardNetworks = Field(default_factory=list)
    amount_min: LaterAmount | None = None
    amount_max: LaterAmount | None = None
    processors: _Processors = Field(default_factory=list)
    active: bool = True


class RoutingOrderBody(BodyModel):
    """`PUT /routing-rules/order`: all rules, the first to be tried first."""

    ids: Annotated[list[RuleId], Field(max_length=_RULES_MAX)]


class DryRunBody(BodyModel):
    """`POST /routing/dry-run`: a payment that is not made; `save`: its card would be kept."""

    currency: Currency = "INR"
    amount: Amount
    method: Method
    card_network: CardNetwork | None = None
    save: bool = False
