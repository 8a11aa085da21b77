"""Job streams: added in batches, delivered at least once, gone when acknowledged.

The life of an entry: waiting → in flight (claimed by a consumer) → deleted. An entry in flight
whose consumer no longer refreshes it is taken over by another. One consumer group serves all
processes; each process is a consumer with a name of its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from gateway.domain.evolution import directly_made
from gateway.domain.jobs import Job, JobKind
from gateway.queue.client import Command, Keys, chunked, exchange, raise_first_error
from gateway.queue.notifications import change_commands
from gateway.queue.schedule import due_commands
from gateway.queue.sealed import delete_commands

__all__ = ["ClaimedJob", "Depth", "JobQueue"]

_GROUP = "gateway"
_START = b"0-0"
# How often a call creates the group anew before it gives up: Redis is being emptied in a loop.
_GROUP_ATTEMPTS = 3

# XGROUP DELCONSUMER forgets what the consumer holds, so look and delete in one step.
_REMOVE_DEAD_CONSUMERS = """
local removed = 0
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then return removed end
for _, fields in ipairs(consumers) do
    local consumer = {}
    for i = 1, #fields, 2 do consumer[fields[i]] = fields[i + 1] end
    local holds_nothing = consumer.pending == 0 and consumer.name ~= ARGV[3]
    if holds_nothing and consumer.idle >= tonumber(ARGV[2]) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
        removed = removed + 1
    end
end
return removed
"""


@directly_made
@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job in flight. `deliveries` counts how often it was handed out, this time included.

    `entry_id` is empty for one that was handed over within the process and stands in no stream.
    """

    entry_id: str
    job: Job
    deliveries: int


@dataclass(frozen=True, slots=True)
class Depth:
    """How many jobs of a kind wait, and how many somebody holds."""

    waiting: int
    in_flight: int


class JobQueue:
    """The job streams of all kinds, for one process.

    All calls raise what `is_redis_unavailable` knows; a call that failed may have been carried out,
    in part or in full, and can be repeated. Blocking reads take their connections from `reader`, a
    client of their own, so that they keep nobody else waiting.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        consumer: str,
        *,
        reader: Redis | None = None,
        timeout_seconds: float = 2.0,
        entries_max: int = 1_000_000,
        chunk_entries_max: int = 500,
        take_over_rounds_max: int = 100,
    ) -> None:
        self._redis = redis
        self._reader = reader or redis
        self._keys = keys
        self._consumer = consumer
        self._timeout_seconds = timeout_seconds
        self._entries_max = entries_max
        self._chunk_entries_max = chunk_entries_max
        self._take_over_rounds_max = take_over_rounds_max
        self._cursors: dict[JobKind, bytes] = {}

    async def add(self, jobs: Iterable[Job]) -> None:
        """Add jobs of any kinds."""
        await self.send(jobs=jobs)

    async def send(
        self,
        *,
        jobs: Iterable[Job] = (),
        changed_ids: Sequence[str] = (),
        due: Mapping[str, datetime] | None = None,
        sealed_delete: Sequence[str] = (),
    ) -> None:
        """Send what follows from a commit in one pipeline.

        Jobs, the ids to tell other processes of, deliveries by the time they are due, payments
        whose sealed card data is to go. Repeating it after an error is harmless.
        """
        commands = [self._add_command(job) for job in jobs]
        commands += due_commands(self._keys, due or {})
        commands += delete_commands(self._keys, sealed_delete)
        commands += change_commands(self._keys, self._consumer, changed_ids)
        await self._exchange(commands)

    async def ensure_groups(self) -> None:
        """Create streams, groups and the marker where they are missing."""
        for kind in JobKind:
            await self._create_group(kind)
        await self._exchange([("SET", self._keys.marker, secrets.token_hex(16), "NX")])

    async def marker_present(self) -> bool:
        """Whether Redis still holds what `ensure_groups` left there; if not, it was emptied."""
        return await self.marker() is not None

    async def marker(self) -> str | None:
        """The marker's random value: another value than before says Redis was emptied between."""
        [value] = await self._exchange([("GET", self._keys.marker)])
        return None if value is None else value.decode()

    async def claim(
        self, kind: JobKind, count: int, block_milliseconds: int = 0
    ) -> list[ClaimedJob]:
        """Take up to `count` waiting jobs, oldest first; wait for the first one if there is none.

        Whoever cancels a waiting claim may leave jobs in flight that nobody works on; they are
        taken over like those of a dead process.
        """
        block = ("BLOCK", block_milliseconds) if block_milliseconds > 0 else ()
        reads = ("COUNT", count, *block, "STREAMS", self._keys.jobs(kind), ">")
        command = ("XREADGROUP", "GROUP", _GROUP, self._consumer, *reads)
        [streams] = await self._exchange_in_group(
            kind, [command], redis=self._reader, waiting_seconds=block_milliseconds / 1000
        )
        entries = streams[0][1] if streams else ()
        return [_claimed(kind, entry, deliveries=1) for entry in entries]

    async def take_over(
        self, kind: JobKind, idle_milliseconds: int, count: int
    ) -> list[ClaimedJob]:
        """Take up to `count` jobs that nobody has claimed or refreshed for `idle_milliseconds`.

        Redis looks at a limited number of entries a round, so an empty round says nothing until
        the cursor is back at the start. What a call has not reached, the next one begins with.
        """
        taken: list[ClaimedJob] = []
        cursor = self._cursors.get(kind, _START)
        for _ in range(self._take_over_rounds_max):
            limit = min(count - len(taken), self._chunk_entries_max)
            options = (idle_milliseconds, cursor, "COUNT", limit, "JUSTID")
            command = ("XAUTOCLAIM", self._keys.jobs(kind), _GROUP, self._consumer, *options)
            [reply] = await self._exchange_in_group(kind, [command])
            cursor = reply[0]
            taken += await self._read_taken(kind, reply[1])
            if cursor == _START or len(taken) >= count:
                break
        self._cursors[kind] = cursor
        return taken

    async def refresh(self, kind: JobKind, entry_ids: Sequence[str]) -> frozenset[str]:
        """Say that the jobs are still being worked on: their idle time starts anew.

        Returns those that are still in flight; the others were acknowledged, or lost with Redis.
        """
        key = self._keys.jobs(kind)
        replies = await self._exchange_in_group(
            kind,
            [
                ("XCLAIM", key, _GROUP, self._consumer, 0, *part, "JUSTID")
                for part in chunked(entry_ids, self._chunk_entries_max)
            ],
        )
        return frozenset(entry_id.decode() for reply in replies for entry_id in reply)

    async def acknowledge(self, kind: JobKind, entry_ids: Sequence[str]) -> None:
        """The jobs are done: delete them."""
        key = self._keys.jobs(kind)
        commands: list[Command] = []
        for part in chunked(entry_ids, self._chunk_entries_max):
            # Deleted first: of an interruption in between, `take_over` clears what is left.
            commands += [("XDEL", key, *part), ("XACK", key, _GROUP, *part)]
        await self._exchange(commands)

    async def depths(self) -> dict[JobKind, Depth]:
        """How long the queues are. Acknowledged jobs are deleted, so what is not held waits."""
        commands: list[Command] = []
        for kind in JobKind:
            key = self._keys.jobs(kind)
            commands += [("XLEN", key), ("XPENDING", key, _GROUP)]
        replies = await exchange(self._redis, commands, timeout_seconds=self._timeout_seconds)
        raise_first_error([reply for reply in replies if not _is_missing_group(reply)])
        return {
            kind: _depth(length, pending)
            for kind, length, pending in zip(JobKind, replies[::2], replies[1::2], strict=True)
        }

    async def remove_dead_consumers(self, idle_milliseconds: int) -> int:
        """Forget consumers that hold nothing and have not asked for `idle_milliseconds`.

        Returns how many. One that comes back is known again with its next claim.
        """
        options = (_GROUP, idle_milliseconds, self._consumer)
        removed = await self._exchange(
            [
                ("EVAL", _REMOVE_DEAD_CONSUMERS, 1, self._keys.jobs(kind), *options)
                for kind in JobKind
            ]
        )
        return sum(removed)

    def _add_command(self, job: Job) -> Command:
        # The limit is for a queue nobody empties; Recovery finds in Postgres what it pushes out.
        limit = ("MAXLEN", "~", self._entries_max)
        fields = ("identity", job.identity, "subject", job.subject)
        return ("XADD", self._keys.jobs(job.kind), *limit, "*", *fields)

    async def _read_taken(self, kind: JobKind, entry_ids: Sequence[bytes]) -> list[ClaimedJob]:
        if not entry_ids:
            return []
        key = self._keys.jobs(kind)
        claim: Command = ("XCLAIM", key, _GROUP, self._consumer, 0, *entry_ids)
        counts: list[Command] = [("XPENDING", key, _GROUP, id_, id_, 1) for id_ in entry_ids]
        entries, *pending = await self._exchange_in_group(kind, [claim, *counts])
        deliveries = {row[0]: row[3] for rows in pending for row in rows}
        # Redis 6.2 has a null, newer ones have nothing, where an entry was deleted.
        taken = [
            _claimed(kind, entry, deliveries=deliveries.get(entry[0], 1))
            for entry in entries
            if entry is not None
        ]
        found = {job.entry_id for job in taken}
        deleted = [id_.decode() for id_ in entry_ids if id_.decode() not in found]
        await self.acknowledge(kind, deleted)
        return taken

    async def _create_group(self, kind: JobKind) -> None:
        command = ("XGROUP", "CREATE", self._keys.jobs(kind), _GROUP, "0", "MKSTREAM")
        [reply] = await exchange(self._redis, [command], timeout_seconds=self._timeout_seconds)
        if isinstance(reply, ResponseError) and not str(reply).startswith("BUSYGROUP"):
            raise reply

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        if not commands:
            return []
        replies = await exchange(self._redis, commands, timeout_seconds=self._timeout_seconds)
        raise_first_error(replies)
        return replies

    async def _exchange_in_group(
        self,
        kind: JobKind,
        commands: Sequence[Command],
        *,
        redis: Redis | None = None,
        waiting_seconds: float = 0,
    ) -> list[Any]:
        if not commands:
            return []
        timeout_seconds = self._timeout_seconds + waiting_seconds
        replies: list[Any] = []
        for _ in range(_GROUP_ATTEMPTS):
            replies = await exchange(
                redis or self._redis, commands, timeout_seconds=timeout_seconds
            )
            if not any(_is_missing_group(reply) for reply in replies):
                break
            # Somebody emptied Redis. The marker stays away: Recovery must notice.
            await self._create_group(kind)
        raise_first_error(replies)
        return replies


def _is_missing_group(reply: object) -> bool:
    return isinstance(reply, ResponseError) and str(reply).startswith("NOGROUP")


def _claimed(kind: JobKind, entry: Sequence[Any], *, deliveries: int) -> ClaimedJob:
    entry_id, fields = entry
    values = dict(zip(fields[::2], fields[1::2], strict=True))
    job = Job(kind, values[b"identity"].decode(), values[b"subject"].decode())
    return ClaimedJob(entry_id.decode(), job, deliveries)


def _depth(length: int, pending: object) -> Depth:
    in_flight = pending[0] if isinstance(pending, list) else 0
    return Depth(max(0, length - in_flight), in_flight)
