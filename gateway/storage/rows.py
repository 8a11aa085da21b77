"""Which column holds which attribute: one table an entity, and the statements made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

from gateway.domain.books import ACCOUNTS
from gateway.storage.many_rows import encode_rows, rows_source

__all__ = [
    "ATTEMPTS",
    "AUDITS",
    "EVENTS",
    "LEDGER",
    "OPERATIONS",
    "ORDERS",
    "PAYMENTS",
    "REFUNDS",
    "Table",
]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table, and how its rows are read off the entities.

    `fixed` columns are written once, `mutable` ones with every update. Columns are given as
    `name type` or `name type attribute` where the attribute has another path.
    """

    name: str
    fixed: str
    mutable: str = ""

    @cached_property
    def _columns(self) -> list[tuple[str, str, str]]:
        return [self._parse(line) for line in self._lines(self.fixed) + self._lines(self.mutable)]

    @staticmethod
    def _lines(text: str) -> list[str]:
        return [line.strip() for line in text.split(",") if line.strip()]

    @staticmethod
    def _parse(line: str) -> tuple[str, str, str]:
        name, kind, *path = line.split()
        return name, kind, path[0] if path else name

    @cached_property
    def columns(self) -> list[str]:
        """All column names."""
        return [name for name, _, _ in self._columns]

    def insert(self, argument: str = "$1", *, after: str = "") -> str:
        """One statement for any number of new rows; `argument` is what `insert_argument` makes.

        In a query with several writes they come after those of the part `after`.
        """
        rows = self.inserted(argument)
        if after:
            # A part is complete before its rows are counted.
            rows = f"SELECT * FROM ({rows}) AS fresh WHERE (SELECT count(*) FROM {after}) >= 0"  # noqa: S608
        # All names come from the tables below, none from a request.
        return f"INSERT INTO {self.name} ({', '.join(self.columns)}) {rows}"

    def inserted(self, argument: str = "$1") -> str:
        """The new rows alone, for a statement that does more with them."""
        return rows_source([(name, kind) for name, kind, _ in self._columns], argument)

    def update(self, argument: str = "$1") -> str:
        """One statement for any number of changed rows, which `update_argument` makes."""
        columns = [self._columns[0], *self._mutable]
        rows = rows_source([(name, kind) for name, kind, _ in columns], argument)
        sets = ", ".join(f"{name} = changed.{name}" for name, _, _ in self._mutable)
        return (
            f"UPDATE {self.name} AS stored SET {sets} FROM ({rows}) AS changed "  # noqa: S608
            "WHERE stored.id = changed.id"
        )

    @cached_property
    def _mutable(self) -> list[tuple[str, str, str]]:
        return [self._parse(line) for line in self._lines(self.mutable)]

    @cached_property
    def _insert_getter(self) -> Callable[[Any], tuple[Any, ...]]:
        return attrgetter(*(path for _, _, path in self._columns))

    @cached_property
    def _update_getter(self) -> Callable[[Any], tuple[Any, ...]]:
        return attrgetter("id", *(path for _, _, path in self._mutable))

    def insert_argument(self, entities: Iterable[Any]) -> list[str]:
        """The new rows. Raises asyncpg.InterfaceError for what cannot be written."""
        return encode_rows(map(self._insert_getter, entities))

    def update_argument(self, entities: Iterable[Any]) -> list[str]:
        """The ids and mutable columns. Raises asyncpg.InterfaceError as `insert_argument`."""
        return encode_rows(map(self._update_getter, entities))


ORDERS = Table(
    name="orders",
    fixed="""id text, merchant_id uuid, mode text, amount bigint, currency text, receipt text,
        customer_id text, bill_id text, capture text, expires_at timestamptz, return_url text,
        created_at timestamptz""",
    mutable="""amount_paid bigint, notes text, status text, attempts integer, version integer,
        last_unit_id uuid, updated_at timestamptz""",
)

PAYMENTS = Table(
    name="payments",
    fixed="""id text, order_id text, merchant_id uuid, mode text, amount bigint, currency text,
        method text instrument.method, vpa text instrument.vpa, bank text instrument.bank,
        wallet text instrument.wallet, card_network text instrument.card_network,
        card_last4 text instrument.card_last4,
        card_expiry_month smallint instrument.card_expiry_month,
        card_expiry_year smallint instrument.card_expiry_year, payer_name text payer.name,
        payer_email text payer.email, payer_contact text payer.contact, customer_id text,
        stored_reference text instrument.stored, save boolean, capture text,
        created_at timestamptz""",
    mutable="""notes text, status text, amount_authorized bigint, amount_captured bigint,
        amount_capture_pending bigint, amount_released bigint, amount_refunded bigint,
        amount_refund_pending bigint, amount_disputed bigint, fee bigint, tax bigint,
        processor text, processor_account_id uuid, route text[], processor_reference text,
        token_id text, error_code text, error_description text, error_reason text,
        next_action text, action_deadline timestamptz,
        capture_expires_at timestamptz, updated_at timestamptz""",
)

REFUNDS = Table(
    name="refunds",
    fixed="""id text, payment_id text, order_id text, merchant_id uuid, mode text, amount bigint,
        currency text, reason text, receipt text, created_at timestamptz""",
    mutable="""notes text, status text, error_description text, updated_at timestamptz,
        processed_at timestamptz""",
)

OPERATIONS = Table(
    name="operations",
    fixed="""id text, payment_id text, order_id text, refund_id text, purpose text,
        amount bigint, reverses text, surface text, request_id text, created_at timestamptz""",
    mutable="""kind text, state text, lookups smallint, retries smallint, due_at timestamptz,
        error_code text, error_description text, error_reason text, updated_at timestamptz""",
)

ATTEMPTS = Table(
    name="attempts",
    fixed="""id text, operation_id text, payment_id text, order_id text, number smallint,
        processor text, processor_account_id uuid, sent_at timestamptz""",
    mutable="""state text, lease_until timestamptz, finished_at timestamptz,
        processor_reference text, reason text""",
)

EVENTS = Table(
    name="events",
    fixed="""id text, merchant_id uuid, mode text, type text, order_id text, payment_id text,
        refund_id text, body bytea, request_id text, created_at timestamptz""",
)

LEDGER = Table(
    name="ledger_transactions",
    fixed="source_id text, kind text, merchant_id uuid, mode text, currency text, order_id text,"
    "payment_id text, created_at timestamptz,"
    + ",".join(f"{account} bigint entries.{account}" for account in ACCOUNTS),
)

AUDITS = Table(
    name="audit_logs",
    fixed="""id uuid, merchant_id uuid, mode text, actor text, action text, subject_id text,
        details text, request_id text, address text, created_at timestamptz""",
)
