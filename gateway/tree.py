"""The supervision tree as code: a list of children, started in this order, stopped in reverse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import aiohttp
from redis.asyncio import Redis

from gateway.actors.bills import BillKeeper, BillLimits
from gateway.actors.breakers import Breakers
from gateway.actors.deliverer import DelivererContext, DeliveryLimits, WebhookDeliverer
from gateway.actors.enqueuer import Enqueuer
from gateway.actors.fee_plans import FeePlans
from gateway.actors.forgetter import Forgetter
from gateway.actors.intake import OrderIntake
from gateway.actors.journal import FaultPoint, Journal
from gateway.actors.order import OrderActor
from gateway.actors.order_context import OrderContext
from gateway.actors.pool import PoolLimits, ProcessorPool
from gateway.actors.processor import ProcessorContext
from gateway.actors.processor_accounts import ProcessorAccounts
from gateway.actors.recovery import Recovery, RecoveryPeriods
from gateway.actors.region import Region
from gateway.actors.rehydration import Rehydration
from gateway.actors.supervisor import ChildSpec, Supervisor
from gateway.beside import Beside
from gateway.domain.clock import Clock
from gateway.domain.decisions import Policy
from gateway.domain.delivery import retry_schedule
from gateway.domain.entities import Operation, Payment, Refund
from gateway.domain.jobs import operation_job
from gateway.domain.versions import VERSIONS, Versions
from gateway.domain.work import UnitOfWork
from gateway.fee_plans import default_fee_plans
from gateway.inbound import Inbound
from gateway.observers import Observers
from gateway.policies import make_breakers, make_policy
from gateway.processor_accounts import make_processor_accounts
from gateway.processors.registry import Registry
from gateway.queue.client import Keys
from gateway.queue.jobs import JobQueue
from gateway.queue.notifications import ChangeHub, merchant_changes
from gateway.queue.schedule import DueIndex
from gateway.queue.sealed import SealedCards
from gateway.security.outbound import OutboundGuard
from gateway.security.vault import Vault
from gateway.settings import Settings
from gateway.storage.dead_letters import bury_job
from gateway.storage.journal import NewDelivery
from gateway.storage.pool import Pool
from gateway.web.razorpay_events import razorpay_body
from gateway.web.surfaces import render
from gateway.web.versioned_events import versioned_body
from gateway.web.webhook_requests import USER_AGENT

__all__ = ["Tree"]


@dataclass(kw_only=True)
class Tree:
    """All actors of a process and what they share; `root` is started and stopped."""

    settings: Settings
    clock: Clock
    pool: Pool
    redis: Redis
    keys: Keys
    queue: JobQueue
    hub: ChangeHub
    sealed: SealedCards
    vault: Vault
    registry: Registry
    guard: OutboundGuard
    session: aiohttp.ClientSession
    observers: Observers
    fault: FaultPoint
    versions: Versions = VERSIONS
    on_give_up: Callable[[Exception], None] | None = None

    @cached_property
    def root(self) -> Supervisor:
        """The root supervisor. Each child may use those that stand before it."""
        return Supervisor(
            "root",
            [
                ChildSpec(name="journal", factory=lambda: self.journal),
                ChildSpec(name="enqueuer", factory=lambda: self.enqueuer),
                ChildSpec(name="fee_plans", factory=self.beside.fee_plans),
                ChildSpec(name="processor_accounts", factory=lambda: self.accounts),
                ChildSpec(name="orders", factory=lambda: self.orders, stop_seconds=15),
                ChildSpec(
                    name="processors",
                    factory=lambda: self.processors,
                    stop_seconds=self.settings.shutdown_seconds + 5,
                ),
                ChildSpec(
                    name="webhooks",
                    factory=lambda: self.deliverer,
                    stop_seconds=self.settings.shutdown_seconds + 5,
                ),
                ChildSpec(name="bills", factory=lambda: self.bills),
                ChildSpec(name="recovery", factory=lambda: self.recovery),
                ChildSpec(name="inbound", factory=self.inbound.supervisor),
                ChildSpec(name="forgetter", factory=lambda: self.forgetter),
                ChildSpec(name="verdicts", factory=self.beside.verdicts),
                ChildSpec(name="settler", factory=self.beside.settler),
                ChildSpec(name="bookkeeper", factory=self.beside.bookkeeper),
                ChildSpec(name="summariser", factory=self.beside.summariser),
            ],
            restarts=self.settings.restarts_max,
            period_seconds=self.settings.restarts_period_seconds,
            on_give_up=self.on_give_up,
        )

    @cached_property
    def journal(self) -> Journal:
        """Group commit to Postgres."""
        return Journal(
            self.pool,
            self._committed,
            batch_max=self.settings.journal_batch_max,
            pending_max=self.settings.journal_pending_max,
            acquire_seconds=self.settings.database_timeout_seconds,
            observe=self.observers.journal_batch,
            fault=self.fault,
        )

    @cached_property
    def enqueuer(self) -> Enqueuer:
        """Jobs, changes and due times to Redis."""
        return Enqueuer(
            self.queue,
            batch_max=self.settings.journal_batch_max,
            pending_max=self.settings.enqueuer_pending_max,
            fault=self.fault,
        )

    @cached_property
    def intake(self) -> OrderIntake:
        """The way to all orders, for handlers."""
        return OrderIntake(self.orders, self._order_context)

    @cached_property
    def orders(self) -> Region:
        """One actor an order."""
        context = self._order_context
        return Region(
            "orders",
            lambda order_id: OrderActor(order_id, context),
            live_max=self.settings.live_orders_max,
            idle_seconds=self.settings.order_idle_seconds,
            mailbox_max=self.settings.mailbox_max,
        )

    @cached_property
    def _order_context(self) -> OrderContext:
        rehydration = Rehydration(
            self.pool,
            batch_max=self.settings.journal_batch_max,
            pending_max=self.settings.journal_pending_max,
            acquire_seconds=self.settings.database_timeout_seconds,
            remembered_max=self.settings.live_orders_max,
        )
        return OrderContext(
            clock=self.clock,
            policy=self.policy,
            render=render,
            commit=self.journal.commit,
            load=rehydration.load,
            load_version=rehydration.load_version,
            remember=rehydration.remember,
            recall=rehydration.recall,
            hands=lambda: self.processors,
            ask_again=self._ask_again,
            idempotency_seconds=self.settings.idempotency_seconds,
        )

    @cached_property
    def processors(self) -> ProcessorPool:
        """Claims jobs and has them carried out."""
        return ProcessorPool(
            self.queue,
            lambda finished: ProcessorContext(
                orders=self.orders,
                processors=self.registry.processors,
                cards=self.sealed,
                accounts=self.accounts,
                breakers=self.breakers,
                finished=finished,
                observe=self.observers.processor_call,
                observe_job=self.observers.job,
                ask_seconds=self.settings.ask_seconds,
                patience_seconds=self.settings.job_patience_seconds,
                lease_margin_seconds=self.settings.lease_margin_seconds,
                fault=self.fault,
            ),
            lambda claimed, reason: bury_job(self.pool, self.clock, claimed.job, reason),
            PoolLimits(
                actors=self.settings.processor_actors,
                calls_max=self.settings.processor_calls_max,
                claim_count=self.settings.claim_count,
                take_over_seconds=self.settings.take_over_seconds,
                failures_max=self.settings.job_failures_max,
            ),
            drain_seconds=self.settings.shutdown_seconds,
        )

    @cached_property
    def breakers(self) -> Breakers:
        """Whether processors are called at all; kept when an actor is restarted."""
        return make_breakers(self.settings)

    @cached_property
    def deliverer(self) -> WebhookDeliverer:
        """Signs and sends events to merchants."""
        settings = self.settings
        context = DelivererContext(
            pool=self.pool,
            queue=self.queue,
            due=DueIndex(self.redis, self.keys, timeout_seconds=settings.redis_timeout_seconds),
            enqueuer=self.enqueuer,
            clock=self.clock,
            vault=self.vault,
            session=self.session,
            schedule=retry_schedule(test_intervals=settings.webhook_retry_intervals_test),
            user_agent=USER_AGENT,
            observe=self.observers.delivery,
            formats={"gateway": versioned_body(self.versions), "razorpay": razorpay_body},
        )
        limits = DeliveryLimits(
            posts_max=settings.webhook_posts_max,
            endpoint_concurrency=settings.webhook_endpoint_concurrency,
            held_max=settings.webhook_held_max,
            endpoint_backlog_max=settings.webhook_endpoint_backlog_max,
            claim_count=settings.claim_count,
            record_max=settings.journal_batch_max,
            timeout_seconds=settings.webhook_timeout_seconds,
            response_characters_max=settings.webhook_response_characters_max,
            take_over_seconds=settings.take_over_seconds,
            disable_after_seconds=settings.webhook_disable_after_seconds,
        )
        return WebhookDeliverer(context, limits, drain_seconds=settings.shutdown_seconds)

    @cached_property
    def bills(self) -> BillKeeper:
        """Gives payment links and invoices their orders, and settles them."""
        settings = self.settings
        return BillKeeper(
            pool=self.pool,
            orders=self.intake,
            clock=self.clock,
            deliver=self.deliverer.deliver_now,
            limits=BillLimits(
                amounts=self.policy.amount_limits,
                orders_max=settings.bill_orders_max,
                payments_per_order_max=settings.payments_per_order_max,
                slice=settings.recovery_slice,
                interval_seconds=settings.recovery_seconds,
                ask_seconds=settings.ask_seconds,
            ),
            fault=self.fault,
        )

    @cached_property
    def recovery(self) -> Recovery:
        """Finds what was lost."""
        settings = self.settings
        return Recovery(
            pool=self.pool,
            queue=self.queue,
            enqueuer=self.enqueuer,
            orders=self.orders,
            clock=self.clock,
            periods=RecoveryPeriods(
                interval_seconds=settings.recovery_seconds,
                slice=settings.recovery_slice,
                ask_seconds=settings.ask_seconds,
                body_seconds=settings.webhook_body_days * 86_400,
                event_seconds=settings.event_days * 86_400,
                notification_seconds=settings.inbound_days * 86_400,
            ),
        )

    @cached_property
    def inbound(self) -> Inbound:
        """What processors send by themselves."""
        return Inbound(
            settings=self.settings,
            pool=self.pool,
            clock=self.clock,
            orders=self.orders,
            enqueuer=self.enqueuer,
            observers=self.observers,
            processors=self.registry.processors,
            accounts=self.accounts,
            fault=self.fault,
        )

    @cached_property
    def forgetter(self) -> Forgetter:
        """Deletes at the processors what customers had them keep."""
        return Forgetter(
            pool=self.pool,
            processors=self.registry.processors,
            accounts=self.accounts,
            orders=self.orders,
            clock=self.clock,
            interval_seconds=self.settings.recovery_seconds,
            calls_max=self.settings.forgetting_calls_max,
            ask_seconds=self.settings.ask_seconds,
        )

    @cached_property
    def policy(self) -> Policy:
        """The periods and limits that decisions go by."""
        return make_policy(
            self.settings,
            processors=self.registry.traits,
            fee_plan=self.fee_plans.plan,
            account=self.accounts.active,
        )

    @cached_property
    def fee_plans(self) -> FeePlans:
        """What merchants pay."""
        return default_fee_plans(self.settings)

    @cached_property
    def accounts(self) -> ProcessorAccounts:
        """Merchants' own accounts at processors."""
        return make_processor_accounts(
            self.settings, self.pool, self.vault, self.registry.processors, self.hub
        )

    @cached_property
    def beside(self) -> Beside:
        """What is done again and again beside the payment path."""
        return Beside(
            settings=self.settings,
            pool=self.pool,
            clock=self.clock,
            orders=self.orders,
            observers=self.observers,
            plans=self.fee_plans,
        )

    def _committed(self, units: Sequence[UnitOfWork], deliveries: Sequence[NewDelivery]) -> None:
        """What follows from a commit: work, news for those who wait, card data that is to go."""
        left = self.deliverer.take_new(units, deliveries) if deliveries else ()
        jobs = [job for unit in units for job in unit.jobs]
        jobs += [delivery.job for delivery in left]
        changed = {changed_id for unit in units for changed_id in _changed_ids(unit)}
        forgotten = [payment_id for unit in units for payment_id in unit.sealed_deletions]
        self.sealed.forget(forgotten)
        self.hub.notify(changed)
        self.enqueuer.put(jobs, changed_ids=changed, sealed_deletions=forgotten)
        self.observers.committed(units)
        if any(unit.tokens for unit in units):
            self.forgetter.look()  # some may be there to be deleted only
        if any(unit.order.bill_id is not None for unit in units):
            self.bills.look()
        if any(unit.updates for unit in units) and self._due_changed(units):
            self.recovery.look()

    @staticmethod
    def _due_changed(units: Sequence[UnitOfWork]) -> bool:
        """Whether an operation waits for a moment that Recovery has to keep."""
        return any(
            isinstance(each, Operation) and each.is_pending
            for unit in units
            for each in unit.updates
        )

    def _ask_again(self, operation: Operation) -> None:
        job = operation_job(operation.kind, operation.order_id, operation.id)
        self.enqueuer.put([job])


def _changed_ids(unit: UnitOfWork) -> Iterator[str]:
    """What those who wait can have subscribed to: orders, payments, refunds, all of a merchant."""
    # Of an order that was just made, alone, nobody knows: looks will find it.
    if unit.expected_version or unit.inserts:
        yield unit.order.id
        yield merchant_changes(unit.order.merchant_id)
    for entity in (*unit.inserts, *unit.updates):
        if isinstance(entity, Payment | Refund):
            yield entity.id
        elif isinstance(entity, Operation):
            yield entity.payment_id
