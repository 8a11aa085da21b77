"""What the calls of the merchant API take, for `/openapi.json` and the page made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from gateway.domain.disputes import DisputeStatus
from gateway.domain.entities import OrderStatus, PaymentStatus, RefundStatus
from gateway.web import routing_bodies, schemas, synchronous_schemas
from gateway.web.api import (
    answers,
    customers,
    deliveries,
    disputes,
    endpoints,
    events,
    inbound,
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
    testing,
    testing_disputes,
)
from gateway.web.checkout import live
from gateway.web.routes import Handler

__all__ = [
    "ANSWERS",
    "BODIES",
    "CREATING",
    "FILTERS",
    "FILTER_SCHEMAS",
    "FINDING",
    "REQUIRED_FILTERS",
    "STREAMING",
    "WAITING",
]

BODIES: Mapping[Handler, type[BaseModel]] = {
    orders.create_order: schemas.OrderBody,
    orders.change_order: schemas.NotesBody,
    orders.cancel_order: schemas.EmptyBody,
    payments.create_payment: schemas.PaymentBody,
    payments.capture_payment: schemas.AmountBody,
    payments.cancel_payment: schemas.EmptyBody,
    public.create_public_payment: schemas.CheckoutPaymentBody,
    synchronous.purchase: synchronous_schemas.PurchaseBody,
    synchronous.authorize: synchronous_schemas.AuthorizeBody,
    synchronous.capture: synchronous_schemas.CaptureBody,
    synchronous.refund: synchronous_schemas.ImmediateRefundBody,
    synchronous.cancel: synchronous_schemas.CancelBody,
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
    inbound.receive_authorize_net: schemas.ProcessorMessage,
    inbound.receive_notification: schemas.ProcessorMessage,
    keys.create_key: schemas.KeyBody,
    keys.change_key: schemas.KeyChanges,
    keys.rotate_key: schemas.KeyRotationBody,
    processor_accounts.create_processor_account: schemas.ProcessorAccountBody,
    processor_accounts.change_processor_account: schemas.ProcessorAccountChanges,
    processor_accounts.check_processor_account: schemas.EmptyBody,
    routing.create_routing_rule: routing_bodies.RoutingRuleBody,
    routing.change_routing_rule: routing_bodies.RoutingRuleChanges,
    routing.order_routing_rules: routing_bodies.RoutingOrderBody,
    routing.dry_run: routing_bodies.DryRunBody,
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
        processor_accounts.create_processor_account,
        routing.create_routing_rule,
    }
)
"""The calls that answer 201."""

FINDING: frozenset[Handler] = frozenset({customers.create_customer})
"""Those of them that may answer 200 with what there is already."""

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

WAITING: frozenset[Handler] = frozenset(
    {
        orders.cancel_order,
        payments.capture_payment,
        payments.cancel_payment,
        synchronous.purchase,
        synchronous.authorize,
        synchronous.capture,
        synchronous.refund,
        synchronous.cancel,
    }
)
"""The calls that wait for the processor, and answer 202 when the wait is over."""


def _one_of(*texts: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(texts)}


FILTER_SCHEMAS: Mapping[Handler, Mapping[str, dict[str, Any]]] = {
    orders.list_orders: {"status": _one_of(*OrderStatus)},
    payments.list_payments: {"status": _one_of(*PaymentStatus)},
    refunds.list_refunds: {"status": _one_of(*RefundStatus)},
    refunds.list_payment_refunds: {"status": _one_of(*RefundStatus)},
    deliveries.list_deliveries: {
        "status": _one_of("pending", "success", "failed"),
        "event": {"type": "string", "pattern": "^[a-z_]{1,32}\\.[a-z_]{1,32}$"},
    },
    disputes.list_disputes: {"status": _one_of(*DisputeStatus)},
    events.list_events: {
        "type": {"type": "string", "pattern": "^[a-z_]{1,32}\\.[a-z_]{1,32}$"},
        "delivery_success": {"type": "boolean"},
    },
    testing.get_bank_ledger: {
        "limit": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000}
    },
}
"""What the parameters are that are not the same everywhere."""

REQUIRED_FILTERS: Mapping[Handler, tuple[str, ...]] = {
    live.get_result: ("payment_id",),
}
"""The query parameters without which a call is refused."""

ANSWERS: Mapping[Handler, type[answers.Answer]] = {
    orders.create_order: answers.Order,
    orders.list_orders: answers.OrderList,
    orders.get_order: answers.Order,
    orders.change_order: answers.Order,
    orders.cancel_order: answers.Order,
    orders.list_order_payments: answers.PaymentList,
    payments.create_payment: answers.Payment,
    payments.list_payments: answers.PaymentList,
    payments.get_payment: answers.Payment,
    payments.capture_payment: answers.Payment,
    payments.cancel_payment: answers.Payment,
    synchronous.purchase: answers.Payment,
    synchronous.authorize: answers.Payment,
    synchronous.capture: answers.Payment,
    synchronous.refund: answers.Refund,
    synchronous.cancel: answers.Payment,
    public.get_public_order: answers.PublicOrder,
    public.create_public_payment: answers.PublicPayment,
    public.get_public_payment: answers.PublicPayment,
    live.get_result: answers.CheckoutResult,
    refunds.create_refund: answers.Refund,
    refunds.list_payment_refunds: answers.RefundList,
    refunds.list_refunds: answers.RefundList,
    refunds.get_refund: answers.Refund,
    customers.create_customer: answers.Customer,
    customers.list_customers: answers.CustomerList,
    customers.get_customer: answers.Customer,
    customers.change_customer: answers.Customer,
    customers.delete_customer: answers.Deleted,
    customers.list_tokens: answers.TokenList,
    customers.get_token: answers.Token,
    customers.delete_token: answers.Deleted,
    disputes.list_disputes: answers.DisputeList,
    disputes.get_dispute: answers.Dispute,
    disputes.accept_dispute: answers.Dispute,
    disputes.contest_dispute: answers.Dispute,
    testing_disputes.open_dispute: answers.Dispute,
    testing_disputes.decide_dispute: answers.Dispute,
    settlements.list_settlements: answers.SettlementList,
    settlements.get_settlement: answers.Settlement,
    settlements.list_settled: answers.SettledTransactionList,
    settlements.get_balance: answers.Balances,
    keys.create_key: answers.NewKey,
    keys.list_keys: answers.KeyList,
    keys.get_key: answers.Key,
    keys.change_key: answers.Key,
    keys.rotate_key: answers.RotatedKey,
    keys.revoke_key: answers.Key,
    deliveries.list_deliveries: answers.DeliveryList,
    deliveries.get_delivery: answers.DeliveryWithAttempts,
    deliveries.retry_webhook: answers.Scheduled,
    deliveries.replay_webhooks: answers.Replayed,
    endpoints.create_endpoint: answers.NewWebhookEndpoint,
    endpoints.list_endpoints: answers.WebhookEndpointList,
    endpoints.get_endpoint: answers.WebhookEndpoint,
    endpoints.change_endpoint: answers.WebhookEndpoint,
    endpoints.delete_endpoint: answers.Deleted,
    endpoints.rotate_endpoint_secret: answers.WebhookSecret,
    endpoints.test_endpoint: answers.Told,
    processor_accounts.create_processor_account: answers.ProcessorAccount,
    processor_accounts.list_processor_accounts: answers.ProcessorAccountList,
    processor_accounts.get_processor_account: answers.ProcessorAccount,
    processor_accounts.change_processor_account: answers.ProcessorAccount,
    processor_accounts.check_processor_account: answers.ProcessorAccount,
    processor_accounts.delete_processor_account: answers.RemovedProcessorAccount,
    routing.list_processors: answers.ProcessorList,
    routing.dry_run: answers.RoutingChoice,
    routing.create_routing_rule: answers.RoutingRule,
    routing.list_routing_rules: answers.RoutingRuleList,
    routing.order_routing_rules: answers.RoutingRuleList,
    routing.get_routing_rule: answers.RoutingRule,
    routing.change_routing_rule: answers.RoutingRule,
    routing.delete_routing_rule: answers.Deleted,
    events.list_events: answers.EventList,
    events.get_event: answers.Event,
    inbound.receive_authorize_net: answers.Received,
    inbound.receive_notification: answers.Received,
    merchant.get_merchant: answers.Merchant,
    merchant.change_merchant: answers.Merchant,
    merchant.set_webhook_url: answers.WebhookUrl,
    merchant.regenerate_secret: answers.DefaultSecret,
    merchant.test_webhook: answers.Told,
    testing.get_test_merchant: answers.SeededMerchant,
    testing.get_jobs_status: answers.JobsStatus,
    testing.get_bank_ledger: answers.BankLedger,
    testing.advance_clock: answers.ClockTime,
    testing.arm_fault: answers.ArmedFault,
}
"""What each call answers with when all is well."""
