"""Everything put together: stores, actors, listeners. Started top down, stopped bottom up."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

import aiohttp
import asyncpg
import structlog
from aiohttp import web
from redis.asyncio import Redis

from gateway.actors.cancelling import cancel_all
from gateway.actors.journal import no_fault
from gateway.assembly import make_services
from gateway.domain.clock import Clock
from gateway.domain.versions import VERSIONS, Versions
from gateway.embedded import DataDirectory, EmbeddedPostgres, EmbeddedRedis, EmbeddedStores
from gateway.environment import plugin_settings
from gateway.faults import Faults
from gateway.limits import Limits, make_limits
from gateway.metrics import Metrics, Watched
from gateway.observers import Observers
from gateway.processors.protocol import ProcessorContext
from gateway.processors.registry import Registry, discover
from gateway.queue.client import Keys, open_redis
from gateway.queue.jobs import JobQueue
from gateway.queue.notifications import ChangeHub
from gateway.queue.sealed import SealedCards
from gateway.security.outbound import OutboundGuard, guarded_connector, guarded_session
from gateway.security.passwords import PasswordHasher
from gateway.security.vault import Vault
from gateway.seeding import seed_test_merchant
from gateway.settings import Settings
from gateway.storage.journal import Connection
from gateway.storage.migrations import migrate
from gateway.storage.pool import Pool, open_pool, open_reading_pool
from gateway.storage.state import remember_check_value
from gateway.tree import Tree
from gateway.web.application import make_application
from gateway.web.mail import Mailer
from gateway.web.metrics_endpoint import metrics_application, metrics_routes
from gateway.web.server import Runner
from gateway.web.services import Services
from gateway.web.streams import Streams

__all__ = ["Gateway", "WrongKey"]

logger = structlog.get_logger(__name__)


class WrongKey(Exception):
    """GATEWAY_ENCRYPTION_KEY is missing, or is not the key that this database was sealed with."""


class Gateway:
    """One process. `start` returns when requests are answered, `stop` when everything has ended."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        metrics: Metrics | None = None,
        versions: Versions = VERSIONS,
    ) -> None:
        """`versions` are those of the public contract."""
        self.settings = settings
        self._versions = versions
        self._metrics = metrics
        self._observers = metrics.observers if metrics is not None else Observers()
        self.clock = clock or Clock()
        self.faults = Faults()
        self.draining = False
        self.streams = Streams(total_max=settings.streams_max)
        self.port = 0
        self._passwords = PasswordHasher(
            threads=settings.password_threads, waiting_max=settings.password_waiting_max
        )
        self._stack = AsyncExitStack()
        self._failed: asyncio.Future[Exception] | None = None
        self._hub: ChangeHub | None = None

    @property
    def failed(self) -> asyncio.Future[Exception]:
        """Done when the root supervisor or the stores gave up: the process is to end."""
        if self._failed is None:
            raise RuntimeError("not started")
        return self._failed

    @property
    def url(self) -> str:
        """Where the gateway listens, for this machine."""
        return self.settings.public_url or f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start everything in order; what was started is stopped again when something fails."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def _start(self) -> None:
        self._failed = asyncio.get_running_loop().create_future()
        self._stack.callback(self._passwords.close)
        database_url, redis_url, vault = await self._open_stores()
        pool = await self._open_database(database_url, vault)
        registry = await self._start_processors(pool)
        tree, limits = await self._start_actors(pool, redis_url, vault, registry)
        self._watch(tree)
        reading_pool = await self._open_reading_pool(database_url)
        await self._listen(self._services(tree, limits, reading_pool))

    async def stop(self) -> None:
        """Stop everything in mirror order; may be called twice."""
        self.begin_draining()
        await self._stack.aclose()

    def begin_draining(self) -> None:
        """Take no more: not ready, no new connections; those who wait get an answer at once.

        Live streams end.
        """
        if self.draining:
            return
        self.draining = True
        self.streams.close()
        if self._hub is not None:
            self._hub.close()

    async def _open_stores(self) -> tuple[str, str, Vault]:
        settings = self.settings
        database_url, redis_url = _revealed(settings.database_url), _revealed(settings.redis_url)
        directory = DataDirectory(settings.data_dir)
        if database_url is None or redis_url is None:
            stores = EmbeddedStores(
                directory,
                postgres=EmbeddedPostgres(directory) if database_url is None else None,
                redis=EmbeddedRedis(directory) if redis_url is None else None,
            )
            addresses = await stores.start()
            self._stack.push_async_callback(stores.stop)
            keeper = asyncio.create_task(stores.keep_running(on_restart=_restarted), name="stores")
            keeper.add_done_callback(self._ended)
            self._stack.push_async_callback(cancel_all, [keeper])
            vault = self._vault(directory if database_url is None else None)
            return (
                database_url or str(addresses.database_url),
                redis_url or str(addresses.redis_url),
                vault,
            )
        return database_url, redis_url, self._vault(None)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._give_up(error)

    def _give_up(self, reason: Exception) -> None:
        if not self.failed.done():
            self.failed.set_result(reason)

    def _vault(self, directory: DataDirectory | None) -> Vault:
        keys = _revealed(self.settings.encryption_key)
        if keys is not None:
            return Vault([key.strip() for key in keys.split(",")])
        if directory is None:
            raise WrongKey("GATEWAY_ENCRYPTION_KEY is required together with DATABASE_URL")
        return Vault([directory.encryption_key()])

    async def _open_database(self, database_url: str, vault: Vault) -> Pool:
        pool = await open_pool(
            database_url,
            size_max=self.settings.database_connections_max,
            command_timeout_seconds=self.settings.database_timeout_seconds,
            acquire_timeout_seconds=self.settings.database_timeout_seconds,
        )
        self._stack.push_async_callback(_close_pool, pool)
        # A connection of its own: a migration takes as long as it takes.
        migrating = await asyncpg.connect(database_url)
        try:
            await migrate(migrating, self.clock)
        finally:
            await migrating.close()
        async with pool.acquire() as connection:
            await _check_key(connection, vault)
            if self.settings.test_mode:
                await seed_test_merchant(connection, vault, self._passwords, self.clock)
        return pool

    async def _open_reading_pool(self, database_url: str) -> Pool:
        pool = await open_reading_pool(
            database_url,
            size_max=self.settings.dashboard_connections_max,
            statement_timeout_seconds=self.settings.dashboard_query_seconds,
            acquire_timeout_seconds=self.settings.database_timeout_seconds,
        )
        self._stack.push_async_callback(_close_pool, pool)
        return pool

    async def _start_processors(self, pool: Pool) -> Registry:
        registry = discover()
        own = self.settings.model_dump()
        settings = {**plugin_settings(registry.setting_names - own.keys()), **own}
        await registry.start(ProcessorContext(clock=self.clock, pool=pool, settings=settings))
        for broken in registry.broken:
            logger.error("processor_broken", problem=str(broken))
        self._stack.push_async_callback(registry.close)
        return registry

    async def _start_actors(
        self, pool: Pool, redis_url: str, vault: Vault, registry: Registry
    ) -> tuple[Tree, Limits]:
        settings = self.settings
        keys = Keys(settings.redis_prefix)
        consumer = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        redis, reader = self._open_redis(redis_url), self._open_redis(redis_url)
        self._hub = ChangeHub(keys, own_name=consumer)
        limits = make_limits(settings, self._observers, redis, vault, self.clock)
        self._stack.push_async_callback(limits.close)
        guard = OutboundGuard(
            allow_loopback=settings.test_mode, allowed_networks=settings.webhook_allowed_networks
        )
        queue = JobQueue(
            redis, keys, consumer, reader=reader, timeout_seconds=settings.redis_timeout_seconds
        )
        tree = Tree(
            settings=settings,
            clock=self.clock,
            pool=pool,
            redis=redis,
            queue=queue,
            keys=keys,
            hub=self._hub,
            sealed=self._open_sealed(redis, keys, vault),
            vault=vault,
            registry=registry,
            guard=guard,
            session=self._open_session(guard),
            observers=limits.observers,
            fault=self.faults.hit if settings.test_controls else no_fault,
            versions=self._versions,
            on_give_up=self._give_up,
        )
        await tree.root.start()
        self._stack.push_async_callback(tree.root.stop)
        listening = asyncio.create_task(self._hub.run(reader), name="changes")
        self._stack.push_async_callback(cancel_all, [listening])
        return tree, limits

    def _open_sealed(self, redis: Redis, keys: Keys, vault: Vault) -> SealedCards:
        sealed = SealedCards(
            redis,
            keys,
            vault,
            expire_seconds=self.settings.sealed_seconds,
            timeout_seconds=self.settings.sealed_wait_seconds,
            entries_max=self.settings.sealed_in_memory_max,
        )
        self._stack.push_async_callback(sealed.aclose)
        return sealed

    def _open_redis(self, url: str) -> Redis:
        redis = open_redis(
            url,
            timeout_seconds=self.settings.redis_timeout_seconds,
            connections_max=self.settings.redis_connections_max,
        )
        self._stack.push_async_callback(redis.aclose)
        return redis

    def _open_session(self, guard: OutboundGuard) -> aiohttp.ClientSession:
        # The deliverer has the limits; what waited for a connection would wait in vain.
        session = guarded_session(
            guarded_connector(
                guard,
                limit=self.settings.webhook_posts_max,
                limit_per_host=self.settings.webhook_posts_max,
            )
        )
        self._stack.push_async_callback(session.close)
        return session

    def _services(self, tree: Tree, limits: Limits, reading_pool: Pool) -> Services:
        return make_services(
            tree,
            reading_pool=reading_pool,
            faults=self.faults,
            observers=self._observers,
            streams=self.streams,
            rates=limits.rates,
            card_guard=limits.card_guard,
            passwords=self._passwords,
            mailer=self._open_mailer(),
            is_draining=lambda: self.draining,
        )

    def _open_mailer(self) -> Mailer | None:
        settings, url = self.settings, _revealed(self.settings.smtp_url)
        if url is None:
            return None
        mailer = Mailer(
            url,
            settings.smtp_from,
            timeout_seconds=settings.smtp_timeout_seconds,
            waiting_max=settings.smtp_waiting_max,
        )
        self._stack.callback(mailer.close)
        return mailer

    def _watch(self, tree: Tree) -> None:
        if self._metrics is None:
            return
        self._metrics.watch(
            Watched(
                supervision_tree=tree.root.tree,
                regions=(tree.orders,),
                degradable={
                    "journal": tree.journal,
                    "enqueuer": tree.enqueuer,
                    "processors": tree.processors,
                    "webhooks": tree.deliverer,
                },
                enqueuer=tree.enqueuer,
                processors=tree.processors,
                recovery=tree.recovery,
                notifications=tree.inbound.handlers,
                breakers=tree.breakers,
                sealed=tree.sealed,
                pool=tree.pool,
                queue=tree.queue,
                live_streams=lambda: self.streams.count,
            )
        )

    async def _listen(self, services: Services) -> None:
        settings = self.settings
        exposition = self._metrics.exposition if self._metrics is not None else None
        public = exposition is not None and settings.operations_port is None
        more = [metrics_routes(exposition)] if public and exposition is not None else []
        runner = Runner(
            make_application(services, more_routes=more),
            shutdown_seconds=settings.shutdown_seconds,
            keepalive_seconds=settings.keepalive_seconds,
            header_bytes_max=settings.header_bytes_max,
        )
        self.port = await self._serve(
            runner, settings.port, settings.dashboard_port, settings.checkout_port
        )
        if exposition is not None and settings.operations_port is not None:
            operations = web.AppRunner(metrics_application(exposition), access_log=None)
            await self._serve(operations, settings.operations_port)
        logger.info("listening", url=self.url, port=self.port)

    async def _serve(self, runner: web.AppRunner, *ports: int | None) -> int:
        """Listen on these ports; the first one's number, which the system may have chosen."""
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        for port in ports:
            if port is not None:
                site = web.TCPSite(runner, self.settings.host, port, backlog=1024)
                await site.start()
        return int(runner.addresses[0][1])


def _restarted(store: str) -> None:
    logger.error("store_restarted", store=store)


def _revealed(secret: object) -> str | None:
    reveal: Callable[[], str] | None = getattr(secret, "get_secret_value", None)
    return reveal() if reveal is not None else None


async def _check_key(connection: Connection, vault: Vault) -> None:
    if not vault.accepts(await remember_check_value(connection, vault.check_value())):
        raise WrongKey("GATEWAY_ENCRYPTION_KEY is not the key this database was sealed with")


async def _close_pool(pool: Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), 5)
    except TimeoutError:
        pool.terminate()
