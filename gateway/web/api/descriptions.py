"""What the calls of the merchant API take, for `/openapi.json` and the page made of it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from gateway.web import schemas
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
    public,
    refunds,
    settlements,
    testing,
    testing_disputes,
)
from gateway.web.checkout import live
from gateway.web.routes import Handler

__all__ = ["BODIES", "CREATING", "FILTERS", "STREAMING"]

BODIES: Mapping[Handler, type[BaseModel]] = {
    orders.create_order: schemas.OrderBody,
    orders.change_order: schemas.NotesBody,
    orders.cancel_order: schemas.EmptyBody,
    payments.create_payment: schemas.PaymentBody,
    payments.capture_payment: schemas.AmountBody,
    payments.cancel_payment: schemas.EmptyBody,
    public.create_public_payment: schemas.CheckoutPaymentBody,
    refunds.create_refund: schemas.RefundBody,
    disputes.accept_dispute: schemas.EmptyBody,
    disputes.contest_dispute: schemas.ContestBody,
    testing_disputes.open_dispute: schemas.DisputeBody,
    testing_disputes.decide_dispute: schemas.VerdictBody,
    customers.create_customer: schemas.NewCustomerBody,
    customers.change_customer: schemas.CustomerChanges,
    deliveries.replay_webhooks: schemas.ReplayBody,
    deliveries.retry_webhook: schemas.EmptyBody,
    endpoints.create_endpoint: schemas.EndpointBody,
    endpoints.change_endpoint: schemas.EndpointChanges,
    endpoints.rotate_endpoint_secret: schemas.RotationBody,
    endpoints.test_endpoint: schemas.EmptyBody,
    keys.create_key: schemas.KeyBody,
    keys.change_key: schemas.KeyChanges,
    keys.rotate_key: schemas.KeyRotationBody,
    merchant.change_merchant: schemas.MerchantChanges,
    merchant.set_webhook_url: schemas.WebhookUrlBody,
    merchant.regenerate_secret: schemas.EmptyBody,
    merchant.test_webhook: schemas.EmptyBody,
    testing.advance_clock: schemas.ClockBody,
    testing.arm_fault: schemas.FaultBody,
}
"""The body of each call that takes one."""

CREATING: frozenset[Handler] = frozenset(
    {
        orders.create_order,
        payments.create_payment,
        public.create_public_payment,
        refunds.create_refund,
        testing_disputes.open_dispute,
        customers.create_customer,
        endpoints.create_endpoint,
        keys.create_key,
        keys.rotate_key,
    }
)
"""The calls that answer 201."""

_PAGE = ("limit", "offset", "starting_after", "from", "to")

FILTERS: Mapping[Handler, tuple[str, ...]] = {
    orders.list_orders: (*_PAGE, "status"),
    orders.list_order_payments: _PAGE,
    payments.list_payments: (*_PAGE, "status", "order_id"),
    refunds.list_refunds: (*_PAGE, "status", "payment_id"),
    refunds.list_payment_refunds: (*_PAGE, "status"),
    settlements.list_settlements: (*_PAGE, "currency"),
    settlements.list_settled: ("limit", "offset"),
    disputes.list_disputes: (*_PAGE, "status", "payment_id"),
    customers.list_tokens: _PAGE,
    customers.list_customers: (*_PAGE, "email", "contact"),
    deliveries.list_deliveries: (*_PAGE, "status", "event", "event_id", "endpoint_id"),
    keys.list_keys: _PAGE,
    events.list_events: (*_PAGE, "type", "delivery_success"),
    testing.get_bank_ledger: ("limit", "offset"),
    live.get_result: ("payment_id", "order_id", "key"),
    live.stream_payment: ("order_id",),
}
"""The query parameters of each list, and of what the checkout asks."""

STREAMING: frozenset[Handler] = frozenset({live.stream_payment})
"""The calls that answer with server-sent events."""
