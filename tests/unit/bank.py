"""Payment processors as far as money goes: their books, and what they must never be asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.domain.entities import Attempt, Operation, Payment
from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    Declined,
    Outcome,
    RequiresAction,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the bank has in its books under one reference."""

    reference: str
    processor: str
    operation_id: str
    payment_id: str
    kind: str
    amount: int
    answer: str
    saves: bool = False
    is_beside: bool = False
    """Done although it was surely not, or the reversal of that or of what came late."""


@dataclass
class Bank:
    """Does each thing once. It is not idempotent: to send a thing again would move money again.

    One set of books for all processors, so that no two of them do the same. `contradicted` are
    payments of which it first declined or surely failed something and then did it all the same.
    """

    books: dict[str, Entry] = field(default_factory=dict)
    contradicted: set[str] = field(default_factory=set)
    surplus: set[str] = field(default_factory=set)

    def send(
        self, attempt: Attempt, operation: Operation, payment: Payment, answer: str
    ) -> Outcome:
        """Carry it out, or decline it, or ask the shopper; P2 is checked here."""
        known = [
            each
            for each in self.books.values()
            if each.operation_id == operation.id and each.reference not in self.surplus
        ]
        assert known == [], "the bank has heard of this operation and is sent it again"
        taken_by = self._taken_by(operation, payment)
        assert taken_by <= {attempt.processor}, "what follows goes to another processor"
        entry = Entry(
            reference=attempt.id,
            processor=attempt.processor,
            operation_id=operation.id,
            payment_id=payment.id,
            kind=operation.kind,
            amount=operation.amount,
            answer=answer,
            saves=payment.save and operation.kind in ("charge", "authorize"),
            is_beside=operation.reverses is not None,
        )
        if not self.has_room(entry):
            assert payment.id in self.contradicted, "the bank is asked for more than there is"
            entry = replace(entry, answer="declined")
        self.books[entry.reference] = entry
        return self.lookup(attempt.id)

    def _taken_by(self, operation: Operation, payment: Payment) -> set[str]:
        """Who has the money that this is about."""
        if operation.reverses is not None:
            return {self.books[operation.reverses].processor}
        return {
            each.processor
            for each in self.books.values()
            if each.payment_id == payment.id and each.answer == "approved" and not each.is_beside
        }

    def do_after_all(self, attempt: Attempt, operation: Operation, kind: str) -> bool:
        """Do what surely failed, and what a newer attempt was to do; False without room for it."""
        entry = Entry(
            reference=attempt.id,
            processor=attempt.processor,
            operation_id=operation.id,
            payment_id=operation.payment_id,
            kind=kind,
            amount=operation.amount,
            answer="approved",
            is_beside=True,
        )
        if kind not in ("charge", "authorize") and not self.has_room(entry):
            return False
        self.contradicted.add(entry.payment_id)
        self.surplus.add(entry.reference)
        self.books[entry.reference] = entry
        return True

    def lookup(self, reference: str, processor: str | None = None) -> Outcome:
        """What became of an attempt; it is `processor` that is asked, where that matters."""
        entry = self.books.get(reference)
        if entry is None:
            return AttemptNotFound()
        assert processor in (None, entry.processor), "another processor is asked"
        if entry.answer == "approved":
            stored = f"card_{reference}" if entry.saves else None
            return Approved(reference=f"bank_{reference}", stored=stored)
        if entry.answer == "declined":
            return Declined()
        return RequiresAction(reference=f"bank_{reference}", next_action='{"type":"redirect"}')

    def decide(self, reference: str, answer: str) -> None:
        """How the shopper's challenge ended."""
        self.books[reference] = replace(self.books[reference], answer=answer)

    def approve_late(self, reference: str) -> bool:
        """Do after all what was declined or abandoned; False when there is no room for it."""
        entry = self.books[reference]
        if not self.has_room(entry):
            return False
        self.contradicted.add(entry.payment_id)
        self.books[reference] = replace(entry, answer="approved")
        return True

    def has_room(self, entry: Entry) -> bool:
        """Whether the payment's account has what the entry takes."""
        if entry.kind in ("charge", "authorize"):
            return not any(
                each.payment_id == entry.payment_id
                and each.kind in ("charge", "authorize")
                and each.answer == "approved"
                and not each.is_beside
                for each in self.books.values()
            )
        if entry.kind == "refund":
            return entry.amount <= self.net(entry.payment_id)
        return entry.amount <= self.held(entry.payment_id)

    def total(self, payment_id: str, *kinds: str) -> int:
        """The sum of what was done of these kinds."""
        return sum(
            each.amount
            for each in self.books.values()
            if each.payment_id == payment_id and each.kind in kinds and each.answer == "approved"
        )

    @property
    def kept_cards(self) -> list[str]:
        """The payments whose cards the bank keeps."""
        kept = (each for each in self.books.values() if each.saves and each.answer == "approved")
        return sorted(each.payment_id for each in kept)

    def net(self, payment_id: str) -> int:
        """What the shopper has paid and not got back."""
        taken = self.total(payment_id, "charge", "capture")
        return taken - self.total(payment_id, "refund")

    def held(self, payment_id: str) -> int:
        """What is reserved on the shopper's account and neither taken nor given up."""
        return self.total(payment_id, "authorize") - self.total(payment_id, "capture", "void")
