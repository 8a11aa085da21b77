"""The merchant API: every route of `/api/v1`, with who may call it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.web.api import (
    customers,
    deliveries,
    disputes,
    endpoints,
    events,
    keys,
    merchant,
    orders,
    payments,
    processor_accounts,
    public,
    refunds,
    routing,
    settlements,
    synchronous,
)
from gateway.web.api.inbound import inbound_routes
from gateway.web.api.testing import control_routes, test_routes
from gateway.web.routes import Access, Handler, Route

__all__ = ["PERMISSIONS", "api_routes"]

_PREFIX = "/api/v1"

# What a merchant with an API key may call: method, path, handler, permission.
_MERCHANT: tuple[tuple[str, str, Handler, str], ...] = (
    ("POST", "/orders", orders.create_order, "orders:write"),
    ("GET", "/orders", orders.list_orders, "orders:read"),
    ("GET", "/orders/{id}", orders.get_order, "orders:read"),
    ("PATCH", "/orders/{id}", orders.change_order, "orders:write"),
    ("POST", "/orders/{id}/cancel", orders.cancel_order, "orders:write"),
    ("GET", "/orders/{id}/payments", orders.list_order_payments, "payments:read"),
    ("POST", "/payments", payments.create_payment, "payments:write"),
    ("GET", "/payments", payments.list_payments, "payments:read"),
    ("GET", "/payments/{id}", payments.get_payment, "payments:read"),
    ("POST", "/payments/purchase", synchronous.purchase, "payments:write"),
    ("POST", "/payments/authorize", synchronous.authorize, "payments:write"),
    ("POST", "/payments/capture", synchronous.capture, "payments:capture"),
    ("POST", "/payments/refund", synchronous.refund, "refunds:write"),
    ("POST", "/payments/cancel", synchronous.cancel, "payments:capture"),
    ("POST", "/payments/{id}/capture", payments.capture_payment, "payments:capture"),
    ("POST", "/payments/{id}/cancel", payments.cancel_payment, "payments:capture"),
    ("POST", "/payments/{id}/refunds", refunds.create_refund, "refunds:write"),
    ("GET", "/payments/{id}/refunds", refunds.list_payment_refunds, "refunds:read"),
    ("GET", "/refunds", refunds.list_refunds, "refunds:read"),
    ("GET", "/refunds/{id}", refunds.get_refund, "refunds:read"),
    ("GET", "/disputes", disputes.list_disputes, "disputes:read"),
    ("GET", "/disputes/{id}", disputes.get_dispute, "disputes:read"),
    ("POST", "/disputes/{id}/accept", disputes.accept_dispute, "disputes:write"),
    ("POST", "/disputes/{id}/contest", disputes.contest_dispute, "disputes:write"),
    ("GET", "/settlements", settlements.list_settlements, "settlements:read"),
    ("GET", "/settlements/{id}", settlements.get_settlement, "settlements:read"),
    ("GET", "/settlements/{id}/transactions", settlements.list_settled, "settlements:read"),
    ("GET", "/balance", settlements.get_balance, "settlements:read"),
    ("POST", "/customers", customers.create_customer, "customers:write"),
    ("GET", "/customers", customers.list_customers, "customers:read"),
    ("GET", "/customers/{id}", customers.get_customer, "customers:read"),
    ("PATCH", "/customers/{id}", customers.change_customer, "customers:write"),
    ("PUT", "/customers/{id}", customers.change_customer, "customers:write"),
    ("DELETE", "/customers/{id}", customers.delete_customer, "customers:write"),
    ("GET", "/customers/{id}/tokens", customers.list_tokens, "customers:read"),
    ("GET", "/customers/{id}/tokens/{token_id}", customers.get_token, "customers:read"),
    ("DELETE", "/customers/{id}/tokens/{token_id}", customers.delete_token, "customers:write"),
    ("GET", "/webhooks", deliveries.list_deliveries, "webhooks:read"),
    ("POST", "/webhooks/replay", deliveries.replay_webhooks, "webhooks:write"),
    ("PUT", "/webhooks/config", merchant.set_webhook_url, "webhooks:write"),
    ("POST", "/webhooks/secret/regenerate", merchant.regenerate_secret, "webhooks:write"),
    ("POST", "/webhooks/test", merchant.test_webhook, "webhooks:write"),
    ("GET", "/webhooks/{id}", deliveries.get_delivery, "webhooks:read"),
    ("POST", "/webhooks/{id}/retry", deliveries.retry_webhook, "webhooks:write"),
    ("POST", "/webhook-endpoints", endpoints.create_endpoint, "webhooks:write"),
    ("GET", "/webhook-endpoints", endpoints.list_endpoints, "webhooks:read"),
    ("GET", "/webhook-endpoints/{id}", endpoints.get_endpoint, "webhooks:read"),
    ("PATCH", "/webhook-endpoints/{id}", endpoints.change_endpoint, "webhooks:write"),
    ("DELETE", "/webhook-endpoints/{id}", endpoints.delete_endpoint, "webhooks:write"),
    (
        "POST",
        "/webhook-endpoints/{id}/rotate-secret",
        endpoints.rotate_endpoint_secret,
        "webhooks:write",
    ),
    ("POST", "/webhook-endpoints/{id}/test", endpoints.test_endpoint, "webhooks:write"),
    ("GET", "/events", events.list_events, "events:read"),
    ("GET", "/events/{id}", events.get_event, "events:read"),
    ("POST", "/keys", keys.create_key, "keys:write"),
    ("GET", "/keys", keys.list_keys, "keys:read"),
    ("GET", "/keys/{id}", keys.get_key, "keys:read"),
    ("PATCH", "/keys/{id}", keys.change_key, "keys:write"),
    ("DELETE", "/keys/{id}", keys.revoke_key, "keys:write"),
    ("POST", "/keys/{id}/rotate", keys.rotate_key, "keys:write"),
    (
        "POST",
        "/processor-accounts",
        processor_accounts.create_processor_account,
        "processors:write",
    ),
    (
        "GET",
        "/processor-accounts",
        processor_accounts.list_processor_accounts,
        "processors:read",
    ),
    (
        "GET",
        "/processor-accounts/{id}",
        processor_accounts.get_processor_account,
        "processors:read",
    ),
    (
        "PATCH",
        "/processor-accounts/{id}",
        processor_accounts.change_processor_account,
        "processors:write",
    ),
    (
        "DELETE",
        "/processor-accounts/{id}",
        processor_accounts.delete_processor_account,
        "processors:write",
    ),
    (
        "POST",
        "/processor-accounts/{id}/check",
        processor_accounts.check_processor_account,
        "processors:write",
    ),
    ("GET", "/processors", routing.list_processors, "processors:read"),
    ("POST", "/routing/dry-run", routing.dry_run, "processors:read"),
    ("POST", "/routing-rules", routing.create_routing_rule, "processors:write"),
    ("GET", "/routing-rules", routing.list_routing_rules, "processors:read"),
    ("PUT", "/routing-rules/order", routing.order_routing_rules, "processors:write"),
    ("GET", "/routing-rules/{id}", routing.get_routing_rule, "processors:read"),
    ("PATCH", "/routing-rules/{id}", routing.change_routing_rule, "processors:write"),
    ("DELETE", "/routing-rules/{id}", routing.delete_routing_rule, "processors:write"),
    ("GET", "/merchant", merchant.get_merchant, "merchant:read"),
    ("GET", "/merchants/profile", merchant.get_merchant, "merchant:read"),
    ("PATCH", "/merchant", merchant.change_merchant, "merchant:write"),
    ("PUT", "/merchants/webhook", merchant.set_webhook_url, "webhooks:write"),
    (
        "POST",
        "/merchants/webhook/regenerate-secret",
        merchant.regenerate_secret,
        "webhooks:write",
    ),
    ("POST", "/merchants/webhook/test", merchant.test_webhook, "webhooks:write"),
)

# What the checkout may call without credentials.
_SHOPPER: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/orders/{id}/public", public.get_public_order),
    ("POST", "/payments/public", public.create_public_payment),
    ("GET", "/payments/{id}/public", public.get_public_payment),
)

_STEPS = {
    "orders": "order_management",
    "payments": "payment_initiation",
    "refunds": "refund_initiation",
    "disputes": "dispute_management",
    "settlements": "settlement",
    "balance": "settlement",
    "customers": "customer_management",
    "webhooks": "webhook_management",
    "events": "webhook_management",
    "keys": "account_management",
    "merchant": "account_management",
    "processors": "account_management",
}

PERMISSIONS = frozenset(permission for _, _, _, permission in _MERCHANT)
"""What a restricted key can be given."""


def api_routes(settings: Any) -> Iterable[Route]:
    """The routes that these settings switch on."""
    for method, path, handler in _SHOPPER:
        yield Route(method=method, path=_PREFIX + path, handler=handler, access=Access.SHOPPER)
    for method, path, handler, permission in _MERCHANT:
        yield Route(
            method=method,
            path=_PREFIX + path,
            handler=handler,
            access=Access.KEY,
            permission=permission,
            step=_STEPS[permission.partition(":")[0]],
        )
    yield from inbound_routes()
    if settings.test_mode:
        yield from test_routes()
        if settings.test_controls:
            yield from control_routes()
