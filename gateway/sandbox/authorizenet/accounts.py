"""A merchant's account: its credentials, its books, and what is to be told about it."""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from gateway.sandbox.authorizenet.batches import Batches
from gateway.sandbox.authorizenet.cards import CardReader
from gateway.sandbox.authorizenet.nonces import Nonces
from gateway.sandbox.authorizenet.options import Options
from gateway.sandbox.authorizenet.profiles import Profiles
from gateway.sandbox.authorizenet.refusals import not_found
from gateway.sandbox.authorizenet.transactions import Book, Transaction
from gateway.sandbox.authorizenet.wire import Members, text_of

__all__ = ["Account", "Accounts", "Call", "Event", "auth_code"]

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True)
class Event:
    """What webhooks are told: a thin payload."""

    type: str
    payload: Members


class Account:
    """One merchant at Authorize.Net."""

    def __init__(
        self, login_id: str, transaction_key: str, signature_key: str, options: Options
    ) -> None:
        self.login_id = login_id
        self.signature_key = signature_key
        self.book = Book(options.transactions_max)
        self.batches = Batches()
        self.nonces = Nonces(options.nonces_max, options.nonce_seconds)
        self.profiles = Profiles(options.profiles_max, options.payment_profiles_max)
        self.reasons: deque[tuple[str, str | None]] = deque(maxlen=options.faults_max)
        """Reason codes that tests want the next transactions to end with, each with its kind."""
        self._transaction_key = transaction_key
        self._events: list[Event] = []

    def accepts(self, transaction_key: str) -> bool:
        """Whether this is its transaction key."""
        return hmac.compare_digest(self._transaction_key.encode(), transaction_key.encode())

    def tell(self, type_: str, payload: Members) -> None:
        """Something happened that webhooks may be registered for."""
        self._events.append(Event(type_, payload))

    def take_events(self) -> list[Event]:
        """What happened since this was last asked."""
        events, self._events = self._events, []
        return events

    def take_reason(self, kind: str) -> str | None:
        """The reason code that a test has chosen for this transaction."""
        for armed in self.reasons:
            if armed[1] in (None, kind):
                self.reasons.remove(armed)
                return armed[0]
        return None


@dataclass(slots=True)
class Accounts:
    """All accounts of this sandbox, and the numbers that they share."""

    options: Options
    cards: CardReader = field(default_factory=CardReader)
    _by_login: dict[str, Account] = field(default_factory=dict)
    _ids: count[int] = field(
        default_factory=lambda: count(60_000_000_001 + secrets.randbelow(10**9))
    )

    def __post_init__(self) -> None:
        options = self.options
        self.add(options.login_id, options.transaction_key, options.signature_key)

    def add(self, login_id: str, transaction_key: str, signature_key: str) -> Account:
        """Open an account. Raises ValueError when there is one of that name, or too many."""
        if login_id in self._by_login:
            raise ValueError("there is an account of this login_id")
        if len(self._by_login) >= self.options.accounts_max:
            raise ValueError(f"there are {self.options.accounts_max} accounts, the limit")
        account = Account(login_id, transaction_key, signature_key, self.options)
        self._by_login[login_id] = account
        return account

    def get(self, login_id: str | None) -> Account:
        """The account of that login id; the first one for None. Raises KeyError."""
        return self._by_login[login_id if login_id is not None else self.options.login_id]

    def all(self) -> list[Account]:
        """Every account, the first one first."""
        return list(self._by_login.values())

    def authenticated(self, login_id: str, transaction_key: str) -> Account | None:
        """The account whose credentials these are."""
        account = self._by_login.get(login_id)
        return account if account is not None and account.accepts(transaction_key) else None

    def next_id(self) -> str:
        """A number nobody has: of a transaction, a batch or a profile."""
        return str(next(self._ids))


@dataclass(frozen=True, slots=True)
class Call:
    """One request: whose, what, when."""

    account: Account
    accounts: Accounts
    operation: str
    members: Members
    now: datetime

    @property
    def options(self) -> Options:
        """What the sandbox was started with."""
        return self.accounts.options

    @property
    def ref_id(self) -> str:
        """What the caller calls this request."""
        return text_of(self.members, "refId")

    def transaction(self, transaction_id: str) -> Transaction:
        """The account's transaction of that id. Raises Refused E00040."""
        found = self.account.book.find(transaction_id)
        if found is None:
            raise not_found()
        return found


def auth_code() -> str:
    """Six characters, as issuers give them."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(6))
