"""Routing rules: which processors a merchant's payments go to.

What changes them runs inside the caller's transaction, after `lock_merchant`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from gateway.domain.routing import Rule
from gateway.storage.journal import Connection
from gateway.storage.reads_pages import Scope

__all__ = [
    "StoredRule",
    "delete_rule",
    "find_rule",
    "insert_rule",
    "list_rules",
    "order_rules",
    "rules_from_json",
    "rules_of",
    "update_rule",
]

_COLUMNS = (
    "id, position, name, currencies, methods, card_networks, amount_min, amount_max, processors,"
    " active"
)
_OWN = "merchant_id = $1 AND mode = $2"
_LIST = f"""
SELECT {_COLUMNS}, created_at, updated_at FROM routing_rules
WHERE {_OWN} ORDER BY position LIMIT $3
"""  # noqa: S608 - our own text
_ONE = f"""
SELECT {_COLUMNS}, created_at, updated_at FROM routing_rules WHERE {_OWN} AND id = $3
"""  # noqa: S608 - our own text
_INSERT = f"""
INSERT INTO routing_rules (merchant_id, mode, {_COLUMNS}, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
"""  # noqa: S608 - our own text
_UPDATE = f"""
UPDATE routing_rules
SET name = $4, currencies = $5, methods = $6, card_networks = $7, amount_min = $8, amount_max = $9,
    processors = $10, active = $11, updated_at = $12
WHERE {_OWN} AND id = $3
"""  # noqa: S608 - our own text
# The others close ranks.
_DELETE = f"""
WITH gone AS (DELETE FROM routing_rules WHERE {_OWN} AND id = $3 RETURNING position)
UPDATE routing_rules SET position = routing_rules.position - 1 FROM gone
WHERE {_OWN} AND routing_rules.position > gone.position
"""  # noqa: S608 - our own text
_ORDER = f"""
UPDATE routing_rules SET position = given.place
FROM unnest($3::text[]) WITH ORDINALITY AS given(id, place)
WHERE {_OWN} AND routing_rules.id = given.id
"""  # noqa: S608 - our own text


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRule:
    """A rule as its merchant sees it."""

    rule: Rule
    created_at: datetime
    updated_at: datetime


def rules_of(merchant_id: str, mode: str) -> str:
    """A column for statements that read a merchant: its active rules, for `rules_from_json`.

    Whoever accepts a payment has read its key or its order anyway, so rules cost no statement.
    """
    return f"""(
        SELECT json_agg(json_build_array({_COLUMNS}) ORDER BY position) FROM routing_rules
        WHERE routing_rules.merchant_id = {merchant_id} AND routing_rules.mode = {mode} AND active
    )"""  # noqa: S608 - names of columns in our own statements


def rules_from_json(value: str | None) -> tuple[Rule, ...]:
    """The rules that the column holds, in order."""
    if value is None:
        return ()
    names = [name.strip() for name in _COLUMNS.split(",")]
    return tuple(_rule(dict(zip(names, row, strict=True))) for row in orjson.loads(value))


async def list_rules(
    connection: Connection, scope: Scope, *, rules_max: int
) -> Sequence[StoredRule]:
    """The merchant's rules in the order in which they are tried, also those switched off."""
    rows = await connection.fetch(_LIST, scope.merchant_id, scope.mode, rules_max)
    return [_stored(dict(row)) for row in rows]


async def find_rule(connection: Connection, scope: Scope, rule_id: str) -> StoredRule | None:
    """One of the merchant's rules."""
    row = await connection.fetchrow(_ONE, scope.merchant_id, scope.mode, rule_id)
    return None if row is None else _stored(dict(row))


async def insert_rule(connection: Connection, scope: Scope, rule: Rule, now: datetime) -> None:
    """A new rule; no other may have its position when the transaction ends."""
    await connection.execute(
        _INSERT,
        scope.merchant_id,
        scope.mode,
        rule.id,
        rule.position,
        *_conditions(rule),
        now,
    )


async def update_rule(connection: Connection, scope: Scope, rule: Rule, now: datetime) -> None:
    """The rule with everything but its position as it is here."""
    await connection.execute(
        _UPDATE, scope.merchant_id, scope.mode, rule.id, *_conditions(rule), now
    )


async def delete_rule(connection: Connection, scope: Scope, rule_id: str) -> None:
    """The rule is gone, and those after it move up."""
    await connection.execute(_DELETE, scope.merchant_id, scope.mode, rule_id)


async def order_rules(connection: Connection, scope: Scope, rule_ids: Sequence[str]) -> None:
    """Have the rules tried in this order; `rule_ids` must be all of them."""
    await connection.execute(_ORDER, scope.merchant_id, scope.mode, list(rule_ids))


def _conditions(rule: Rule) -> tuple[Any, ...]:
    return (
        rule.name,
        sorted(rule.currencies),
        sorted(rule.methods),
        sorted(rule.card_networks),
        rule.amount_min,
        rule.amount_max,
        list(rule.processors),
        rule.active,
    )


def _stored(fields: dict[str, Any]) -> StoredRule:
    times = {name: fields.pop(name) for name in ("created_at", "updated_at")}
    return StoredRule(rule=_rule(fields), **times)


def _rule(fields: Mapping[str, Any]) -> Rule:
    sets = {name: frozenset(fields[name]) for name in ("currencies", "methods", "card_networks")}
    return Rule(**{**fields, **sets, "processors": tuple(fields["processors"])})
