"""The dashboard: every route of it, with who may call it.

A page is a row in `_MEMBERS`: method, path, handler, and the permission that a role must have
(`gateway.domain.roles`). The guard has then found the session, checked the permission and, where
something is changed, the CSRF token; the handler takes who asks from `call_of(request).member`,
scopes its queries by `member.scope`, and answers with `dashboard_response` or, after a form, with
`said_and_done`. Nothing else is needed for a page to be safe.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.web.dashboard import (
    account,
    actions,
    audit,
    changes,
    customers,
    deliveries,
    docs,
    exports,
    invitations,
    keys,
    operator_actions,
    operator_notifications,
    operators,
    overview,
    payment,
    processor_accounts,
    processors,
    routing,
    routing_rules,
    settings,
    sign_in,
    team,
    transactions,
    webhook_endpoints,
    webhooks,
)
from gateway.web.routes import Access, Handler, Route

__all__ = ["dashboard_routes"]

# For people who are not signed in: method, path, handler.
_VISITORS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/login", sign_in.show_sign_in),
    ("POST", "/login", sign_in.sign_in),
    ("GET", "/invitations/{token}", invitations.show_invitation),
    ("POST", "/invitations/{token}", invitations.accept),
)

# What is about money: method, path, handler, permission.
_MONEY: tuple[tuple[str, str, Handler, str], ...] = (
    ("GET", "/dashboard", overview.show_overview, "overview:read"),
    ("GET", "/dashboard/changes", changes.stream_changes, "overview:read"),
    ("GET", "/dashboard/transactions", transactions.show_transactions, "payments:read"),
    ("GET", "/dashboard/transactions/export.csv", exports.export_transactions, "payments:read"),
    ("GET", "/dashboard/transactions/{id}", payment.show_payment, "payments:read"),
    (
        "POST",
        "/dashboard/transactions/{id}/capture",
        actions.capture_payment,
        "payments:capture",
    ),
    ("POST", "/dashboard/transactions/{id}/void", actions.void_payment, "payments:capture"),
    ("POST", "/dashboard/transactions/{id}/refund", actions.refund_payment, "refunds:write"),
    ("GET", "/dashboard/orders", transactions.show_orders, "orders:read"),
    ("GET", "/dashboard/orders/{id}", payment.show_order, "orders:read"),
    ("POST", "/dashboard/orders/{id}/cancel", actions.cancel_order, "orders:write"),
    ("GET", "/dashboard/refunds", transactions.show_refunds, "refunds:read"),
    ("GET", "/dashboard/customers", customers.show_customers, "customers:read"),
    ("GET", "/dashboard/customers/{id}", customers.show_customer, "customers:read"),
    ("POST", "/dashboard/customers/{id}/delete", customers.delete_customer, "customers:write"),
    (
        "POST",
        "/dashboard/customers/{id}/tokens/{token_id}/delete",
        customers.delete_token,
        "customers:write",
    ),
)

_HOOK = "/dashboard/webhooks"
_ENDPOINT = f"{_HOOK}/endpoints/{{id}}"
_DELIVERY = f"{_HOOK}/deliveries/{{id}}"

# What is about webhooks: method, path, handler, permission.
_WEBHOOKS: tuple[tuple[str, str, Handler, str], ...] = (
    ("GET", _HOOK, webhooks.show_webhooks, "webhooks:read"),
    ("POST", f"{_HOOK}/url", webhooks.save_url, "webhooks:write"),
    ("POST", f"{_HOOK}/secret", webhooks.regenerate_secret, "webhooks:write"),
    ("POST", f"{_HOOK}/reveal", webhooks.reveal_default, "secrets:reveal"),
    ("POST", f"{_HOOK}/test", webhooks.test_default, "webhooks:write"),
    ("GET", f"{_HOOK}/endpoints/new", webhook_endpoints.show_new_endpoint, "webhooks:write"),
    ("POST", f"{_HOOK}/endpoints", webhook_endpoints.add_endpoint, "webhooks:write"),
    ("GET", _ENDPOINT, webhook_endpoints.show_endpoint, "webhooks:read"),
    ("POST", _ENDPOINT, webhook_endpoints.save_endpoint, "webhooks:write"),
    ("POST", f"{_ENDPOINT}/active", webhook_endpoints.switch_endpoint, "webhooks:write"),
    ("POST", f"{_ENDPOINT}/rotate", webhook_endpoints.rotate_secret, "webhooks:write"),
    ("POST", f"{_ENDPOINT}/reveal", webhook_endpoints.reveal_secret, "secrets:reveal"),
    ("POST", f"{_ENDPOINT}/test", webhook_endpoints.test_endpoint, "webhooks:write"),
    ("POST", f"{_ENDPOINT}/delete", webhook_endpoints.remove_endpoint, "webhooks:write"),
    ("GET", _DELIVERY, deliveries.show_delivery, "webhooks:read"),
    ("POST", f"{_DELIVERY}/retry", deliveries.retry, "webhooks:retry"),
    ("GET", f"{_HOOK}/replay", deliveries.ask_replay, "webhooks:retry"),
    ("POST", f"{_HOOK}/replay", deliveries.replay, "webhooks:retry"),
)

_PROCESSORS = "/dashboard/processors"
_ACCOUNT = f"{_PROCESSORS}/accounts/{{id}}"

_ROUTING = "/dashboard/routing"
_RULE = f"{_ROUTING}/rules/{{id}}"

# What is about processors: method, path, handler, permission.
_BANKS: tuple[tuple[str, str, Handler, str], ...] = (
    ("GET", _PROCESSORS, processors.show_processors, "processors:read"),
    ("GET", f"{_PROCESSORS}/new", processor_accounts.show_new_account, "processors:write"),
    ("POST", f"{_PROCESSORS}/accounts", processor_accounts.add_account, "processors:write"),
    ("GET", _ACCOUNT, processor_accounts.show_account, "processors:read"),
    ("POST", _ACCOUNT, processor_accounts.save_account, "processors:write"),
    ("POST", f"{_ACCOUNT}/check", processor_accounts.check_account, "processors:write"),
    ("POST", f"{_ACCOUNT}/active", processor_accounts.switch_account, "processors:write"),
    ("POST", f"{_ACCOUNT}/delete", processor_accounts.remove_account, "processors:write"),
    ("GET", _ROUTING, routing.show_routing, "processors:read"),
    ("GET", f"{_ROUTING}/new", routing_rules.show_new_rule, "processors:write"),
    ("POST", f"{_ROUTING}/rules", routing_rules.add_rule, "processors:write"),
    ("GET", _RULE, routing_rules.show_rule, "processors:read"),
    ("POST", _RULE, routing_rules.save_rule, "processors:write"),
    ("POST", f"{_RULE}/move", routing.move_rule, "processors:write"),
    ("POST", f"{_RULE}/delete", routing_rules.remove_rule, "processors:write"),
)

_OPERATORS = "/dashboard/operators"

# What is about the gateway itself: method, path, handler, permission.
_GATEWAY: tuple[tuple[str, str, Handler, str], ...] = (
    ("GET", _OPERATORS, operators.show_operators, "gateway:read"),
    ("GET", f"{_OPERATORS}/dead-letters", operators.show_letters, "gateway:read"),
    (
        "POST",
        f"{_OPERATORS}/dead-letters/{{id}}/replay",
        operator_actions.replay_letter,
        "gateway:write",
    ),
    ("GET", f"{_OPERATORS}/unknown", operators.show_unknown, "gateway:read"),
    (
        "POST",
        f"{_OPERATORS}/unknown/{{id}}/resolve",
        operator_actions.resolve_operation,
        "gateway:write",
    ),
    (
        "GET",
        f"{_OPERATORS}/notifications",
        operator_notifications.show_notifications,
        "gateway:read",
    ),
    (
        "POST",
        f"{_OPERATORS}/notifications/{{id}}/replay",
        operator_notifications.replay_told,
        "gateway:write",
    ),
    ("GET", f"{_OPERATORS}/settings", operators.show_settings, "gateway:read"),
)

# For people who are: method, path, handler, permission.
_MEMBERS: tuple[tuple[str, str, Handler, str], ...] = (
    ("GET", "/dashboard/docs", docs.show_docs, "docs:read"),
    ("POST", "/logout", sign_in.sign_out, "account:write"),
    ("POST", "/dashboard/mode", sign_in.change_mode, "account:write"),
    ("GET", "/dashboard/account", account.show_account, "account:write"),
    ("POST", "/dashboard/account/name", account.change_name, "account:write"),
    ("POST", "/dashboard/account/password", account.set_password, "account:write"),
    ("POST", "/dashboard/account/sessions/end", account.end_session, "account:write"),
    (
        "POST",
        "/dashboard/account/sign-out-everywhere",
        sign_in.sign_out_everywhere,
        "account:write",
    ),
    ("GET", "/dashboard/keys", keys.show_keys, "keys:read"),
    ("POST", "/dashboard/keys", keys.create_key, "keys:write"),
    ("POST", "/dashboard/keys/{id}/reveal", keys.reveal_key, "secrets:reveal"),
    ("POST", "/dashboard/keys/{id}/revoke", keys.revoke, "keys:write"),
    ("POST", "/dashboard/keys/{id}/rotate", keys.rotate, "keys:write"),
    ("GET", "/dashboard/audit", audit.show_audit, "audit:read"),
    ("GET", "/dashboard/settings", settings.show_settings, "merchant:read"),
    ("POST", "/dashboard/settings/profile", settings.save_profile, "merchant:write"),
    ("POST", "/dashboard/settings/payments", settings.save_payments, "merchant:write"),
    ("POST", "/dashboard/settings/checkout", settings.save_checkout, "merchant:develop"),
    ("GET", "/dashboard/team", team.show_team, "team:read"),
    ("POST", "/dashboard/team/invitations", team.invite_member, "team:write"),
    ("POST", "/dashboard/team/invitations/{id}/withdraw", team.withdraw, "team:write"),
    ("POST", "/dashboard/team/{id}/role", team.set_role, "team:write"),
    ("POST", "/dashboard/team/{id}/deactivate", team.deactivate, "team:write"),
    ("POST", "/dashboard/team/{id}/activate", team.activate, "team:write"),
)


def dashboard_routes() -> Iterable[Route]:
    """The routes of the dashboard."""
    yield Route(
        method="GET", path="/", handler=sign_in.begin, access=Access.ANYBODY, step="routing"
    )
    for method, path, handler in _VISITORS:
        yield Route(
            method=method,
            path=path,
            handler=handler,
            access=Access.VISITOR,
            step="dashboard",
            surface="pages",
        )
    for method, path, handler, permission in (
        *_MONEY,
        *_WEBHOOKS,
        *_BANKS,
        *_GATEWAY,
        *_MEMBERS,
    ):
        yield Route(
            method=method,
            path=path,
            handler=handler,
            access=Access.SESSION,
            permission=permission,
            step="dashboard",
            surface="pages",
        )
