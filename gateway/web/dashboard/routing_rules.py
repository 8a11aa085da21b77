"""One routing rule: added, changed, deleted. The rules for rules are those of the API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest, InvalidState
from gateway.domain.instruments import CARD_NETWORKS, METHODS
from gateway.storage.routing_rules import StoredRule
from gateway.web import routing_changes
from gateway.web.api.common import changed_by
from gateway.web.bodies import validated
from gateway.web.calls import call_of
from gateway.web.dashboard.amounts import minor_amount, plain_amount
from gateway.web.dashboard.frame import dashboard_response, said_and_done
from gateway.web.dashboard.routing import METHOD_NAMES, PATH, faults_of, rule_id_of
from gateway.web.dashboard.writing import writer_of
from gateway.web.forms import Form, read_form
from gateway.web.keys import forget_merchant
from gateway.web.routing_bodies import RoutingRuleBody, RoutingRuleChanges

__all__ = ["add_rule", "remove_rule", "save_rule", "show_new_rule", "show_rule"]

_BETWEEN = re.compile(r"[\s,;]+")
_PLACES_MAX = 8
_TEXTS = ("name", "currencies", "amount_min", "amount_max")


async def show_new_rule(request: web.Request) -> web.Response:
    """`GET /dashboard/routing/new`."""
    return _page(request, None)


async def add_rule(request: web.Request) -> web.Response:
    """`POST /dashboard/routing/rules`: it comes after those that there are."""
    call, form = call_of(request), await read_form(request)
    try:
        fields = validated(RoutingRuleBody, _members(form))
        async with call.services.pool.acquire() as connection, connection.transaction():
            stored = await routing_changes.make_rule(connection, changed_by(request), fields)
    except InvalidRequest as refusal:
        return _page(request, None, form, faults_of(refusal))
    except InvalidState as refusal:
        return _page(request, None, form, {"": f"{refusal.description}."})
    await forget_merchant(request.app, call.member.merchant_id)
    notice = f"The rule was added as number {stored.rule.position}."
    return await said_and_done(request, PATH, notice)


async def show_rule(request: web.Request) -> web.Response:
    """`GET /dashboard/routing/rules/{id}`."""
    return _page(request, await _rule(request))


async def save_rule(request: web.Request) -> web.Response:
    """`POST /dashboard/routing/rules/{id}`: other conditions or processors."""
    call, form, rule_id = call_of(request), await read_form(request), rule_id_of(request)
    try:
        fields = validated(RoutingRuleChanges, _members(form))
        async with call.services.pool.acquire() as connection, connection.transaction():
            await routing_changes.change_rule(connection, changed_by(request), rule_id, fields)
    except InvalidRequest as refusal:
        return _page(request, await _rule(request), form, faults_of(refusal))
    await forget_merchant(request.app, call.member.merchant_id)
    return await said_and_done(request, PATH, "The rule was saved. It holds for new payments.")


async def remove_rule(request: web.Request) -> web.Response:
    """`POST /dashboard/routing/rules/{id}/delete`: it decides about no more payments."""
    call, rule_id = call_of(request), rule_id_of(request)
    async with call.services.pool.acquire() as connection, connection.transaction():
        await routing_changes.remove_rule(connection, changed_by(request), rule_id)
    await forget_merchant(request.app, call.member.merchant_id)
    return await said_and_done(request, PATH, "The rule was deleted.")


async def _rule(request: web.Request) -> StoredRule:
    """The one of the path; raises NotFound for another merchant's or mode's."""
    rule_id = rule_id_of(request)
    async with call_of(request).services.pool.acquire() as connection:
        return await routing_changes.rule_of(connection, changed_by(request), rule_id)


def _members(form: Form) -> dict[str, Any]:
    """The form as the API's body. Raises InvalidRequest for an amount that is none."""
    currencies = [code.upper() for code in _BETWEEN.split(form.text("currencies")) if code]
    return {
        "name": form.text("name"),
        "currencies": currencies,
        "methods": form.all("methods"),
        "card_networks": form.all("card_networks"),
        "amount_min": _amount(form, "amount_min", currencies),
        "amount_max": _amount(form, "amount_max", currencies),
        "processors": form.all("processors"),
        "active": "active" in form,
    }


def _amount(form: Form, name: str, currencies: Sequence[str]) -> int | None:
    text = form.text(name)
    if not text:
        return None
    if len(currencies) != 1:
        raise InvalidRequest("An amount needs exactly one currency above", field=name)
    return minor_amount(text, currencies[0], field=name)


def _page(
    request: web.Request,
    stored: StoredRule | None,
    form: Form | None = None,
    faults: Mapping[str, str] | None = None,
) -> web.Response:
    call = call_of(request)
    mode = call.member.mode
    known = call.services.policy.processors
    choices = [name for name, traits in sorted(known.items()) if mode in traits.modes]
    values = _sent(form) if form is not None else _values(stored)
    chosen = values["processors"]
    context = {
        "write": writer_of(request),
        "stored": stored,
        "path": f"{PATH}/rules" if stored is None else f"{PATH}/rules/{stored.rule.id}",
        "values": values,
        "faults": faults or {},
        "methods": [(method, METHOD_NAMES[method]) for method in METHODS],
        "card_networks": CARD_NETWORKS,
        # One that is not there any more stays in the list, so that saving does not lose it unseen.
        "choices": choices + [name for name in chosen if name not in choices],
        "places": min(max(len(choices), len(chosen), 1), _PLACES_MAX),
    }
    return dashboard_response(
        request,
        "dashboard/routing_rule.html",
        context,
        active="routing",
        status=400 if faults else 200,
    )


def _values(stored: StoredRule | None) -> Mapping[str, Any]:
    """What the fields hold at first."""
    if stored is None:
        return {**_sent(Form([])), "active": True}
    rule = stored.rule
    limits = {
        name: "" if amount is None else plain_amount(amount, next(iter(rule.currencies)))
        for name, amount in (("amount_min", rule.amount_min), ("amount_max", rule.amount_max))
    }
    return {
        "name": rule.name,
        "currencies": ", ".join(sorted(rule.currencies)),
        "methods": rule.methods,
        "card_networks": rule.card_networks,
        "processors": rule.processors,
        "active": rule.active,
        **limits,
    }


def _sent(form: Form) -> Mapping[str, Any]:
    """What was sent and refused."""
    lists = {name: form.all(name) for name in ("methods", "card_networks", "processors")}
    texts = {name: form.text(name) for name in _TEXTS}
    return {**texts, **lists, "active": "active" in form}
