"""The forgetter: has processors delete the cards of deleted tokens, and takes deleted customers'
names off their payments.

Postgres alone says what is to be forgotten. Everything may be done twice, and by several processes:
a processor is asked again, in growing intervals, until it has said once that it keeps nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import asyncpg
import structlog

from gateway.actors.errors import ActorError
from gateway.actors.messages import ForgetPayer
from gateway.actors.periodic import Periodic
from gateway.actors.processor import AccountSource
from gateway.actors.processor_accounts import AccountUnreadable
from gateway.actors.region import Region
from gateway.domain.clock import Clock
from gateway.domain.errors import Rejected, Unavailable
from gateway.processors.protocol import Processor, forget
from gateway.storage import customers, tokens
from gateway.storage.tokens import DueDeletion

__all__ = ["Forgetter"]

logger = structlog.get_logger(__name__)

# How long after each question a processor is asked again; the last one holds for all that follow.
_WAITS_SECONDS = (60, 300, 3600, 21_600, 86_400)
_ROUNDS_MAX = 10_000


class Forgetter(Periodic):
    """A unit that begins with what was left over."""

    def __init__(
        self,
        *,
        pool: asyncpg.Pool,
        processors: Mapping[str, Processor],
        accounts: AccountSource,
        orders: Region,
        clock: Clock,
        interval_seconds: float,
        calls_max: int,
        ask_seconds: float,
    ) -> None:
        """`calls_max` processors' calls are under way at once, and as many rows are taken."""
        super().__init__("forgetter", self._forget, interval_seconds=interval_seconds, clock=clock)
        self._pool = pool
        self._processors = processors
        self._accounts = accounts
        self._orders = orders
        self._clock = clock
        self._calls_max = calls_max
        self._ask_seconds = ask_seconds

    async def _forget(self) -> float | None:
        await self._delete_tokens()
        await self._erase_customers()
        return await self._until_due()

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
        account = None
        if deletion.processor_account_id is not None:
            try:
                account = await self._accounts.credentials(deletion.processor_account_id)
            except (AccountUnreadable, Unavailable) as error:
                return type(error).__name__
        return await forget(processor, deletion.reference, account)

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

    async def _until_due(self) -> float | None:
        """Seconds until a processor is to be asked again; None when none is."""
        async with self._pool.acquire() as connection:
            due = await tokens.earliest_deletion(connection)
        return None if due is None else (due - self._clock.now()).total_seconds()
