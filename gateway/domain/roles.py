"""What people may do in the dashboard: one table from roles to permissions.

Where the merchant API has a permission for the same thing, it has the same name here.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["MERCHANT_ROLES", "PERMISSIONS", "ROLES", "may"]

_OWN_ACCOUNT = frozenset({"account:write"})
_READ = frozenset(
    {
        "overview:read",
        "orders:read",
        "payments:read",
        "refunds:read",
        "customers:read",
        "webhooks:read",
        "events:read",
        "keys:read",
        "team:read",
        "merchant:read",
        "processors:read",
        "audit:read",
        "docs:read",
    }
)
_SUPPORT = frozenset(
    {"orders:write", "payments:capture", "refunds:write", "customers:write", "webhooks:retry"}
)
_DEVELOP = frozenset({"keys:write", "webhooks:write", "webhooks:retry", "merchant:develop"})
# What only the owner may: the team, the name and look, where the money goes, and secrets that are
# there already.
_OWN = frozenset({"team:write", "merchant:write", "processors:write", "secrets:reveal"})
# The gateway itself; an operator belongs to no merchant and sees no merchant's data.
_OPERATE = frozenset({"gateway:read", "gateway:write"})

ROLES: Mapping[str, frozenset[str]] = {
    "owner": _OWN_ACCOUNT | _READ | _SUPPORT | _DEVELOP | _OWN,
    "developer": _OWN_ACCOUNT | _READ | _DEVELOP,
    "support": _OWN_ACCOUNT | _READ | _SUPPORT,
    "read_only": _OWN_ACCOUNT | _READ,
    "operator": _OWN_ACCOUNT | _OPERATE,
}

MERCHANT_ROLES = ("owner", "developer", "support", "read_only")
"""The roles that a merchant gives to its people."""

PERMISSIONS = frozenset().union(*ROLES.values())
"""Every permission there is; a route that names another one is refused at the start."""


def may(role: str, permission: str) -> bool:
    """Whether the role has the permission; a role that nobody knows has none."""
    return permission in ROLES.get(role, frozenset())
