"""Mailboxes, batches, jobs and recovery."""

from __future__ import annotations

from pydantic import NonNegativeInt, PositiveInt

from gateway.settings.kinds import Seconds, SettingsSection

__all__ = ["ActorSettings"]


class ActorSettings(SettingsSection):
    """Mailboxes, batches, jobs and recovery."""

    mailbox_max: PositiveInt = 1_000
    """Messages that wait for one actor."""
    ask_seconds: Seconds = 30
    """How long an actor's answer is waited for."""
    restarts_max: NonNegativeInt = 5
    """Restarts within the period after which a supervisor gives up, and the process ends."""
    restarts_period_seconds: Seconds = 60
    """The period in which restarts are counted."""
    live_orders_max: PositiveInt = 20_000
    """Orders whose actors are in memory at once."""
    order_idle_seconds: Seconds = 60
    """After how long without messages an order's actor is forgotten."""
    journal_batch_max: PositiveInt = 500
    """Units of work committed in one transaction."""
    journal_pending_max: PositiveInt = 10_000
    """Units of work that wait for a transaction; beyond that the answer is 503."""
    enqueuer_pending_max: PositiveInt = 100_000
    """Jobs that wait for Redis; what is beyond that is found in Postgres later."""
    processor_actors: PositiveInt = 8
    """Actors that carry out payments and refunds."""
    processor_calls_max: PositiveInt = 12_000
    """Calls to payment processors under way at once, all actors together."""
    claim_count: PositiveInt = 200
    """Jobs taken from Redis in one go."""
    take_over_seconds: Seconds = 60
    """After how long of silence from a process its jobs are taken over by another."""
    job_patience_seconds: Seconds = 120
    """How long a job waits for stores that are away before it is left for later."""
    job_failures_max: PositiveInt = 5
    """How often a job may fail by a fault of ours before it is kept as a dead letter."""
    recovery_seconds: Seconds = 30
    """How often lost work is looked for."""
    forgetting_calls_max: PositiveInt = 16
    """Calls under way at once that have processors delete what customers had them keep."""
    recovery_slice: PositiveInt = 500
    """Rows handled in one go when looking for lost or old ones."""
