"""The merchant's routing rules in their order, and what they would do with a payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from gateway.domain.errors import FieldError, InvalidRequest
from gateway.domain.instruments import CARD_NETWORKS, METHODS
from gateway.domain.routing import Facts, choose
from gateway.storage.reads_dashboard_query import searching
from gateway.storage.routing_rules import StoredRule
from gateway.web import routing_changes
from gateway.web.api.common import changed_by, path_id
from gateway.web.bodies import validated
from gateway.web.calls import call_of
from gateway.web.dashboard.amounts import minor_amount
from gateway.web.dashboard.frame import dashboard_response, said_and_done
from gateway.web.dashboard.writing import Writer, writer_of
from gateway.web.forms import read_form
from gateway.web.keys import forget_merchant
from gateway.web.routing_bodies import DryRunBody

__all__ = [
    "METHOD_NAMES",
    "PATH",
    "conditions_of",
    "faults_of",
    "move_rule",
    "rule_id_of",
    "show_routing",
]

PATH = "/dashboard/routing"
"""Where the page is."""

METHOD_NAMES: Mapping[str, str] = {
    "upi": "UPI",
    "card": "Cards",
    "netbanking": "Netbanking",
    "wallet": "Wallets",
}
"""What people call the methods."""

_ASKED = ("amount", "currency", "method", "card_network", "save")


async def show_routing(request: web.Request) -> web.Response:
    """`GET /dashboard/routing?amount=&currency=&method=&card_network=&save=`: with an amount, where
    such a payment would go, and why.
    """
    call = call_of(request)
    asked = {name: request.query.get(name, "").strip() for name in _ASKED}
    async with searching(call.services.reading_pool) as connection:
        stored = await routing_changes.rules_of_merchant(connection, changed_by(request))
    writer, answer = writer_of(request), None
    faults: Mapping[str, str] = {}
    if "amount" in request.query:
        try:
            answer = _explained(request, stored, asked)
        except InvalidRequest as refusal:
            faults = faults_of(refusal)
    context = {
        "write": writer,
        "rules": [
            {"rule": each.rule, "conditions": conditions_of(each, writer)} for each in stored
        ],
        "rules_left": call.services.settings.routing_rules_max - len(stored),
        "asked": asked,
        "answer": answer,
        "faults": faults,
        "methods": [(method, METHOD_NAMES[method]) for method in METHODS],
        "card_networks": CARD_NETWORKS,
    }
    return dashboard_response(
        request,
        "dashboard/routing.html",
        context,
        active="routing",
        status=400 if faults else 200,
    )


async def move_rule(request: web.Request) -> web.Response:
    """`POST /dashboard/routing/rules/{id}/move`: one place up or down."""
    call, rule_id = call_of(request), rule_id_of(request)
    step = -1 if (await read_form(request)).text("to") == "up" else 1
    changed = changed_by(request)
    async with call.services.pool.acquire() as connection, connection.transaction():
        rule = (await routing_changes.rule_of(connection, changed, rule_id)).rule
        stored = await routing_changes.rules_of_merchant(connection, changed)
        ids = [each.rule.id for each in stored]
        place = ids.index(rule_id)
        other = max(0, min(place + step, len(ids) - 1))
        ids[place], ids[other] = ids[other], ids[place]
        await routing_changes.order_rules(connection, changed, ids)
    await forget_merchant(request.app, call.member.merchant_id)
    return await said_and_done(request, PATH, f"{rule.name} is now number {other + 1}.")


def rule_id_of(request: web.Request) -> str:
    """The id in the path; raises NotFound for what is none."""
    return path_id(request, "rule", "Routing rule")


def conditions_of(stored: StoredRule, writer: Writer) -> str:
    """What the rule is for, as people say it."""
    rule = stored.rule
    parts = [
        ", ".join(METHOD_NAMES[method] for method in METHODS if method in rule.methods),
        ", ".join(each.capitalize() for each in CARD_NETWORKS if each in rule.card_networks),
        ", ".join(sorted(rule.currencies)),
    ]
    for word, amount in (("from", rule.amount_min), ("up to", rule.amount_max)):
        if amount is not None:
            parts.append(f"{word} {writer.amount(amount, next(iter(rule.currencies)))}")
    return " · ".join(filter(None, parts)) or "Every payment"


def _explained(
    request: web.Request, stored: Sequence[StoredRule], asked: Mapping[str, str]
) -> Mapping[str, Any]:
    """What the rules do with the payment that is asked about. Raises InvalidRequest."""
    call = call_of(request)
    currency = asked["currency"].upper() or "INR"
    fields = validated(
        DryRunBody,
        {
            "amount": minor_amount(asked["amount"], currency, field="amount"),
            "currency": currency,
            "method": asked["method"],
            "card_network": asked["card_network"] or None,
            "save": bool(asked["save"]),
        },
    )
    facts = Facts(
        mode=call.member.mode,
        amount=fields.amount,
        currency=fields.currency,
        method=fields.method,
        card_network=fields.card_network if fields.method == "card" else None,
        saves=fields.save,
    )
    places = routing_changes.places_of(call.services, call.member.scope)
    choice = choose([each.rule for each in stored], facts, places)
    names = {each.rule.id: each.rule.name for each in stored}
    return {
        "choice": choice,
        "names": names,
        "payment": writer_of(request).amount(fields.amount, fields.currency),
    }


def faults_of(refusal: InvalidRequest) -> Mapping[str, str]:
    """What is wrong, by the field of the form; what is wrong with none of them has no name."""
    errors = refusal.errors or (FieldError(refusal.field or "", refusal.description),)
    faults: dict[str, str] = {}
    for error in errors:
        text = error.description.replace("_", " ")
        faults.setdefault(error.field.partition(".")[0], f"{text[:1].upper()}{text[1:]}.")
    return faults
