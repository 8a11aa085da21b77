"""The forgetter: has processors delete the cards of deleted tokens, and takes deleted customers'
names off their payments.

Postgres alone says what is to be forgotten. Everything may be done twice, and by several processes:
a processor is asked again, in growing intervals, until it has said once that it keeps nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import asyncpg
import structlog

from gateway.actors.cancelling import cancel_all
from gateway.actors.errors import ActorError
from gateway.actors.messages import ForgetPayer
from gateway.actors.region import Region
from gateway.actors.supervisor import TreeNode
from gateway.domain.clock import Clock
from gateway.domain.errors import Rejected
from gateway.processors.protocol import Processor, forget
from gateway.storage import customers, tokens
from gateway.storage.pool import DATABASE_ERRORS, is_connection_lost, is_unavailable
from gateway.storage.tokens import DueDeletion

__all__ = ["Forgetter"]

logger = structlog.get_logger(__name__)

# How long after each question a processor is asked again; the last one holds for all that follow.
_WAITS_SECONDS = (60, 300, 3600, 21_600, 86_400)
_SOONEST_SECONDS = 0.05
_ROUNDS_MAX = 10_000


class Forgetter:
    """A unit with one loop; a database that is away is waited for."""

    def __init__(
        self,
        *,
        pool: asyncpg.Pool,
        processors: Mapping[str, Processor],
        orders: Region,
        clock: Clock,
        interval_seconds: float,
        calls_max: int,
        ask_seconds: float,
    ) -> None:
        """`calls_max` processors' calls are under way at once, and as many rows are taken."""
        self._pool = pool
        self._processors = processors
        self._orders = orders
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._calls_max = calls_max
        self._ask_seconds = ask_seconds
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failed: asyncio.Future[Exception] | None = None
        self._unsubscribe: Callable[[], None] | None = None

    @property
    def failed(self) -> asyncio.Future[Exception] | None:
        """Done when something other than the database being away went wrong."""
        return self._failed

    async def start(self) -> None:
        """Begin with what was left over."""
        self._failed = asyncio.get_running_loop().create_future()
        self._unsubscribe = self._clock.subscribe(self._wake.set)
        self._task = asyncio.create_task(self._run(), name="forgetter")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End; what is under way is asked again."""
        task, self._task = self._task, None
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if task is not None:
            await cancel_all([task])

    def tree(self) -> TreeNode:
        """What the dashboard shows."""
        return TreeNode(name="forgetter", kind="forgetter", alive=self._task is not None)

    def look(self) -> None:
        """Something is to be forgotten."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            wait_seconds = self._interval_seconds
            try:
                await self._delete_tokens()
                await self._erase_customers()
                wait_seconds = await self._until_due()
            except DATABASE_ERRORS as error:
                if not (is_unavailable(error) or is_connection_lost(error)):
                    raise
                logger.warning("forgetter_waits", error=type(error).__name__)
            with suppress(TimeoutError):
                # Not wait_for: until Python 3.12 it can swallow a cancellation.
                async with asyncio.timeout(wait_seconds):
                    await self._wake.wait()
            self._wake.clear()

    async def _delete_tokens(self) -> None:
        for _ in range(_ROUNDS_MAX):
            async with self._pool.acquire() as connection:
                due = await tokens.take_due_deletions(
                    connection, self._clock.now(), _WAITS_SECONDS, self._calls_max
                )
            if not due:
                return
            problems = await asyncio.gather(*(self._forgotten(each) for each in due))
            await self._finish(due, problems)

    async def _forgotten(self, deletion: DueDeletion) -> str | None:
        processor = self._processors.get(deletion.processor)
        if processor is None:
            return "UnknownProcessor"
        return await forget(processor, deletion.reference)

    async def _finish(self, due: Sequence[DueDeletion], problems: Sequence[str | None]) -> None:
        async with self._pool.acquire() as connection:
            for deletion, problem in zip(due, problems, strict=True):
                if problem is None:
                    await tokens.finish_deletion(connection, deletion.id, self._clock.now())
                    continue
                logger.warning(
                    "token_not_deleted",
                    token_id=deletion.id,
                    processor=deletion.processor,
                    error=problem,
                    deletions=deletion.deletions,
                )

    async def _erase_customers(self) -> None:
        async with self._pool.acquire() as connection:
            customer_ids = await customers.customers_to_erase(connection, self._calls_max)
        for customer_id in customer_ids:
            if await self._erase(customer_id):
                async with self._pool.acquire() as connection:
                    await customers.finish_erasure(connection, customer_id, self._clock.now())

    async def _erase(self, customer_id: str) -> bool:
        """Whether no payment says any more who the customer was."""
        for _ in range(_ROUNDS_MAX):
            async with self._pool.acquire() as connection:
                orders = await customers.orders_to_erase(connection, customer_id, self._calls_max)
            if not orders:
                return True
            for order_id in orders:
                try:
                    await self._orders.ask(
                        order_id,
                        ForgetPayer(customer_id=customer_id),
                        deadline_seconds=self._ask_seconds,
                    )
                except (Rejected, ActorError) as error:
                    logger.warning(
                        "payer_not_forgotten", order_id=order_id, error=type(error).__name__
                    )
                    return False
        return False

    async def _until_due(self) -> float:
        """Seconds until a processor is to be asked again, at most the interval."""
        async with self._pool.acquire() as connection:
            due = await tokens.earliest_deletion(connection)
        if due is None:
            return self._interval_seconds
        left = (due - self._clock.now()).total_seconds()
        return max(_SOONEST_SECONDS, min(left, self._interval_seconds))

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and self._failed is not None and not self._failed.done():
            self._failed.set_result(error)
