"""What is done to routing rules, for the merchant API and the dashboard alike.

All changes run inside the caller's transaction; afterwards `gateway.web.keys.forget_merchant` makes
it hold: at once in this process, within `GATEWAY_KEY_CACHE_SECONDS` in the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from gateway.domain.breaker import BreakerState
from gateway.domain.decisions import merchant_places
from gateway.domain.errors import InvalidRequest, InvalidState, NotFound
from gateway.domain.ids import new_id
from gateway.domain.routing import Place, Rule, check_rule
from gateway.storage import routing_rules as rules
from gateway.storage.administration import write_audit
from gateway.storage.administration_endpoints import lock_merchant
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope
from gateway.storage.routing_rules import StoredRule
from gateway.web.routing_bodies import RoutingRuleBody, RoutingRuleChanges
from gateway.web.services import Services
from gateway.web.webhook_changes import Changed

__all__ = [
    "change_rule",
    "make_rule",
    "order_rules",
    "places_of",
    "remove_rule",
    "rule_of",
    "rules_of_merchant",
]

_SETS = ("currencies", "methods", "card_networks")


def places_of(services: Services, scope: Scope) -> Mapping[str, Place]:
    """The processors as the merchant can use them now, for `routing.choose` and for lists."""
    opened: dict[tuple[str, UUID | None], set[str]] = defaultdict(set)
    for view in services.breakers():
        if view.state == BreakerState.OPEN:
            account_id = None if view.key.account is None else UUID(view.key.account)
            opened[view.key.processor, account_id].add(view.key.verb)
    return merchant_places(services.policy, scope.merchant_id, scope.mode, opened)


async def rules_of_merchant(connection: Connection, changed: Changed) -> Sequence[StoredRule]:
    """All rules in the order in which they are tried."""
    limit = changed.services.settings.routing_rules_max
    return await rules.list_rules(connection, changed.scope, rules_max=limit)


async def rule_of(connection: Connection, changed: Changed, rule_id: str) -> StoredRule:
    """The merchant's rule; raises NotFound."""
    rule = await rules.find_rule(connection, changed.scope, rule_id)
    if rule is None:
        raise NotFound("Routing rule not found")
    return rule


async def make_rule(
    connection: Connection, changed: Changed, fields: RoutingRuleBody
) -> StoredRule:
    """A new rule, tried after those that there are. Raises what is wrong with the fields.

    Raises InvalidState when the merchant has as many as allowed.
    """
    limit = changed.services.settings.routing_rules_max
    await lock_merchant(connection, changed.scope)
    known = await rules_of_merchant(connection, changed)
    if len(known) >= limit:
        raise InvalidState(f"There may be at most {limit} routing rules")
    rule = Rule(id=new_id("rule"), position=len(known) + 1, **_values(fields.model_dump()))
    check_rule(rule, changed.scope.mode, changed.services.policy.processors)
    await rules.insert_rule(connection, changed.scope, rule, changed.now)
    await _audit(connection, changed, "routing_rule.created", rule.id)
    return await rule_of(connection, changed, rule.id)


async def change_rule(
    connection: Connection, changed: Changed, rule_id: str, fields: RoutingRuleChanges
) -> StoredRule:
    """The rule after the changes that `fields` names. Raises what is wrong with them."""
    changes = fields.model_dump(include=fields.model_fields_set)
    if not changes:
        raise InvalidRequest("There is nothing to change")
    await lock_merchant(connection, changed.scope)
    stored = await rule_of(connection, changed, rule_id)
    rule = replace(stored.rule, **_values(changes))
    check_rule(rule, changed.scope.mode, changed.services.policy.processors, stored.rule)
    await rules.update_rule(connection, changed.scope, rule, changed.now)
    await _audit(connection, changed, "routing_rule.changed", rule_id, fields=sorted(changes))
    return await rule_of(connection, changed, rule_id)


async def remove_rule(connection: Connection, changed: Changed, rule_id: str) -> None:
    """The rule is gone; payments that it has routed go on. Raises NotFound."""
    await lock_merchant(connection, changed.scope)
    await rule_of(connection, changed, rule_id)
    await rules.delete_rule(connection, changed.scope, rule_id)
    await _audit(connection, changed, "routing_rule.deleted", rule_id)


async def order_rules(connection: Connection, changed: Changed, rule_ids: Sequence[str]) -> None:
    """Have the rules tried in this order. Raises InvalidRequest unless it names each rule once."""
    await lock_merchant(connection, changed.scope)
    known = [stored.rule.id for stored in await rules_of_merchant(connection, changed)]
    if sorted(known) != sorted(rule_ids):
        raise InvalidRequest("ids must name each routing rule once", field="ids")
    await rules.order_rules(connection, changed.scope, rule_ids)
    await _audit(connection, changed, "routing_rules.ordered", None, ids=list(rule_ids))


def _values(fields: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(fields)
    values.update({name: frozenset(fields[name]) for name in _SETS if name in fields})
    if "processors" in fields:
        values["processors"] = tuple(fields["processors"])
    return values


async def _audit(
    connection: Connection, changed: Changed, action: str, rule_id: str | None, **details: Any
) -> None:
    await write_audit(connection, changed.author, action, rule_id, changed.now, details=details)
