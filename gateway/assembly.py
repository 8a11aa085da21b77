"""What handlers work with, put together from the parts that run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gateway.actors.kept_answers import KeptAnswers
from gateway.effective import shown_settings
from gateway.faults import Faults
from gateway.observers import Observers
from gateway.processors.simulator import SimulatedBank
from gateway.processors.simulator_ledger import ledger
from gateway.queue.client import ping
from gateway.queue.notifications import Changes
from gateway.queue.sessions import SessionStore
from gateway.queue.throttle import Throttle
from gateway.security.passwords import PasswordHasher
from gateway.storage.pool import Pool
from gateway.tree import Tree
from gateway.web.card_guard import CardGuard
from gateway.web.mail import Mailer
from gateway.web.rates import RateLimits
from gateway.web.services import Services
from gateway.web.streams import Streams

__all__ = ["make_services"]


def make_services(
    tree: Tree,
    *,
    reading_pool: Pool,
    faults: Faults,
    observers: Observers,
    streams: Streams,
    rates: RateLimits,
    card_guard: CardGuard,
    passwords: PasswordHasher,
    mailer: Mailer | None,
    is_draining: Callable[[], bool],
) -> Services:
    """Everything a handler may use, of a tree that was started."""
    settings, seconds = tree.settings, tree.settings.redis_timeout_seconds
    changes = Changes(tree.redis, tree.keys, "api", timeout_seconds=seconds)
    services = Services(
        settings=settings,
        clock=tree.clock,
        pool=tree.pool,
        reading_pool=reading_pool,
        orders=tree.intake,
        kept_answers=_kept_answers(tree),
        webhooks=tree.deliverer,
        forget=tree.forgetter.look,
        bills=tree.bills,
        notifications=tree.inbound.intake,
        vault=tree.vault,
        sealed=tree.sealed,
        jobs=tree.queue,
        changes=tree.hub,
        guard=tree.guard,
        sessions=_session_store(tree),
        throttle=Throttle(tree.redis, tree.keys, timeout_seconds=seconds),
        rates=rates,
        card_guard=card_guard,
        passwords=passwords,
        mailer=mailer,
        supervision_tree=tree.root.tree,
        breakers=tree.breakers.views,
        is_draining=is_draining,
        worker_is_running=lambda: tree.processors.is_running and tree.deliverer.is_running,
        redis_is_connected=lambda: ping(tree.redis, timeout_seconds=seconds),
        policy=tree.policy,
        versions=tree.versions,
        accounts=tree.accounts,
        shown_settings=partial(shown_settings, settings),
        observe=observers.request,
        revoke_keys=changes.revoke,
        publish=changes.publish,
        streams=streams,
    )
    return _with_simulation(services, tree, faults)


def _with_simulation(services: Services, tree: Tree, faults: Faults) -> Services:
    bank = tree.registry.processors.get("simulator")
    return replace(
        services,
        bank_ledger=partial(ledger, tree.pool) if tree.settings.test_mode else None,
        bank_challenges=bank if isinstance(bank, SimulatedBank) else None,
        arm_fault=faults.arm if tree.settings.test_controls else None,
    )


def _kept_answers(tree: Tree) -> KeptAnswers:
    settings = tree.settings
    return KeptAnswers(
        tree.pool,
        tree.clock,
        batch_max=settings.journal_batch_max,
        pending_max=settings.journal_pending_max,
        acquire_seconds=settings.database_timeout_seconds,
    )


def _session_store(tree: Tree) -> SessionStore:
    settings = tree.settings
    return SessionStore(
        tree.redis,
        tree.keys,
        timeout_seconds=settings.redis_timeout_seconds,
        per_user_max=settings.sessions_per_user_max,
        idle_seconds=settings.session_idle_seconds,
        lifetime_seconds=settings.session_lifetime_seconds,
    )
