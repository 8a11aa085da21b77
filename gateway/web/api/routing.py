"""Routing: the rules by which payments find their processor, and what they would do."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest
from gateway.domain.representation import timestamp
from gateway.domain.routing import Choice, Facts, Place, choose, unusable
from gateway.domain.work import StoredAnswer
from gateway.storage.journal import Connection
from gateway.storage.routing_rules import StoredRule
from gateway.web import routing_changes
from gateway.web.api.common import changed_by, path_id
from gateway.web.bodies import read_body
from gateway.web.calls import call_of
from gateway.web.keys import forget_merchant
from gateway.web.responses import json_answer, json_response
from gateway.web.routing_bodies import (
    DryRunBody,
    RoutingOrderBody,
    RoutingRuleBody,
    RoutingRuleChanges,
)
from gateway.web.writes import write_once

__all__ = [
    "change_routing_rule",
    "create_routing_rule",
    "delete_routing_rule",
    "dry_run",
    "get_routing_rule",
    "list_processors",
    "list_routing_rules",
    "order_routing_rules",
]

_WHAT = "Routing rule"


async def create_routing_rule(request: web.Request) -> web.Response:
    """`POST /routing-rules`: a new rule, tried after those that there are."""
    body = await read_body(request)
    fields = body.as_model(RoutingRuleBody)

    async def create(connection: Connection) -> StoredAnswer:
        rule = await routing_changes.make_rule(connection, changed_by(request), fields)
        return json_answer(201, _rule_object(rule))

    async def tell() -> None:
        await _forget(request)

    return await write_once(request, body, "routing_rule.created", create, committed=tell)


async def list_routing_rules(request: web.Request) -> web.Response:
    """`GET /routing-rules`: all rules in the order in which they are tried."""
    async with call_of(request).services.pool.acquire() as connection:
        return await _listed(connection, request)


async def get_routing_rule(request: web.Request) -> web.Response:
    """`GET /routing-rules/{id}`: one rule."""
    rule_id = path_id(request, "rule", _WHAT)
    async with call_of(request).services.pool.acquire() as connection:
        rule = await routing_changes.rule_of(connection, changed_by(request), rule_id)
    return json_response(_rule_object(rule))


async def change_routing_rule(request: web.Request) -> web.Response:
    """`PATCH /routing-rules/{id}`: other conditions or processors; holds for new payments."""
    rule_id = path_id(request, "rule", _WHAT)
    fields = (await read_body(request)).as_model(RoutingRuleChanges)
    async with call_of(request).services.pool.acquire() as connection, connection.transaction():
        rule = await routing_changes.change_rule(connection, changed_by(request), rule_id, fields)
    await _forget(request)
    return json_response(_rule_object(rule))


async def delete_routing_rule(request: web.Request) -> web.Response:
    """`DELETE /routing-rules/{id}`: the rule decides about no more payments."""
    rule_id = path_id(request, "rule", _WHAT)
    async with call_of(request).services.pool.acquire() as connection, connection.transaction():
        await routing_changes.remove_rule(connection, changed_by(request), rule_id)
    await _forget(request)
    return json_response({"id": rule_id, "deleted": True})


async def order_routing_rules(request: web.Request) -> web.Response:
    """`PUT /routing-rules/order`: the order in which rules are tried."""
    fields = (await read_body(request)).as_model(RoutingOrderBody)
    async with call_of(request).services.pool.acquire() as connection, connection.transaction():
        await routing_changes.order_rules(connection, changed_by(request), fields.ids)
        response = await _listed(connection, request)
    await _forget(request)
    return response


async def dry_run(request: web.Request) -> web.Response:
    """`POST /routing/dry-run`: where a payment would go, and why; nothing is made or charged."""
    call, body = call_of(request), await read_body(request)
    fields = body.as_model(DryRunBody)
    if fields.card_network is not None and fields.method != "card":
        raise InvalidRequest("card_network is for method card", field="card_network")
    facts = Facts(
        mode=call.caller.mode,
        amount=fields.amount,
        currency=fields.currency,
        method=fields.method,
        card_network=fields.card_network,
        saves=fields.save,
    )

    async def explain(connection: Connection) -> StoredAnswer:
        stored = await routing_changes.rules_of_merchant(connection, changed_by(request))
        places = routing_changes.places_of(call.services, call.caller.scope)
        choice = choose([each.rule for each in stored], facts, places)
        return json_answer(200, _choice_object(choice))

    return await write_once(request, body, "routing.dry_run", explain)


async def list_processors(request: web.Request) -> web.Response:
    """`GET /processors`: the processors that rules can name, and whether they can be used."""
    call = call_of(request)
    places = routing_changes.places_of(call.services, call.caller.scope)
    listed = [
        _processor_object(name, place, call.caller.mode) for name, place in sorted(places.items())
    ]
    return json_response(
        {
            "data": listed,
            "total": len(listed),
            "limit": max(len(listed), 1),
            "offset": 0,
            "has_more": False,
        }
    )


async def _forget(request: web.Request) -> None:
    await forget_merchant(request.app, call_of(request).caller.merchant_id)


async def _listed(connection: Connection, request: web.Request) -> web.Response:
    rules = await routing_changes.rules_of_merchant(connection, changed_by(request))
    return json_response(
        {
            "data": [_rule_object(each) for each in rules],
            "total": len(rules),
            "limit": call_of(request).services.settings.routing_rules_max,
            "offset": 0,
            "has_more": False,
        }
    )


def _rule_object(stored: StoredRule) -> dict[str, Any]:
    rule = stored.rule
    return {
        "id": rule.id,
        "position": rule.position,
        "name": rule.name,
        "active": rule.active,
        "currencies": sorted(rule.currencies),
        "methods": sorted(rule.methods),
        "card_networks": sorted(rule.card_networks),
        "amount_min": rule.amount_min,
        "amount_max": rule.amount_max,
        "processors": list(rule.processors),
        "created_at": timestamp(stored.created_at),
        "updated_at": timestamp(stored.updated_at),
    }


def _choice_object(choice: Choice) -> dict[str, Any]:
    return {
        "processors": list(choice.processors),
        "rule_id": None if choice.rule is None else choice.rule.id,
        "steps": [
            {
                "rule_id": step.rule_id,
                "processor": step.processor,
                "taken": step.taken,
                "text": step.text,
            }
            for step in choice.steps
        ],
    }


def _processor_object(name: str, place: Place, mode: str) -> dict[str, Any]:
    traits = place.traits
    problem = unusable(place, mode)
    return {
        "name": name,
        "usable": problem is None,
        "reason": problem,
        "has_own_account": place.has_account,
        "methods": None if traits.methods is None else sorted(traits.methods),
        "currencies": None if traits.currencies is None else sorted(traits.currencies),
        "modes": sorted(traits.modes),
        "single_step": traits.single_step,
        "partial_capture": traits.partial_capture,
        "multiple_captures": traits.multiple_captures,
        "stores_instruments": traits.stores_instruments,
        "accepts_nonces": traits.accepts_nonces,
        "open_breakers": sorted(place.open_breakers),
    }
