"""A bank in memory that does all that a processor can do, and one thing wrong where asked to."""

# ruff: noqa: ARG002 - methods take what other processors need

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.domain.ids import new_id
from gateway.domain.money import exponent
from gateway.domain.outcomes import (
    Account,
    Approved,
    AttemptNotFound,
    Credential,
    Declined,
    Outcome,
    ProcessorTraits,
    RequiresAction,
    Transaction,
    Unknown,
)
from gateway.processors.protocol import (
    CredentialsRefused,
    Finding,
    InvalidNotification,
    Notification,
    Processor,
    ProcessorContext,
)

APPROVED, DECLINED = "4242424242424242", "4000000000000002"
CHALLENGED, PENDING = "4000000000003220", "4000000000000077"
PAYMENTS = ("charge", "authorize")
MANY = 50

TRAITS = ProcessorTraits(
    name="faulty",
    timeout_seconds=0.5,
    idempotent_by_reference=True,
    stores_instruments=True,
    accepts_nonces=True,
    credentials=(Credential(name="key", label="Key"),),
)
WRONG_TRAITS: dict[str, dict[str, Any]] = {
    "renamed": {"name": "other"},
    "no_time": {"timeout_seconds": 0},
    "endless_time": {"timeout_seconds": math.inf},
    "unknown_mode": {"modes": frozenset({"production"})},
    "unknown_method": {"methods": frozenset({"cash"})},
    "unknown_currency": {"currencies": frozenset({"USD", "XYZ"})},
    "credential_twice": {"credentials": TRAITS.credentials * 2},
    "credential_unlabelled": {"credentials": (Credential(name="key", label=" "),)},
    "nobodys": {"credentials": (), "shared_account": False},
}


@dataclass
class World:
    """The bank itself, which all instances speak to.

    `names` are the bank's, by our reference; `moved`: the amounts that it has moved for each.
    """

    sent: dict[str, Transaction] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    moved: dict[str, list[int]] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    in_flight: int = 0
    is_closed: bool = False


def sign(body: bytes) -> str:
    return hmac.new(b"key of notifications", body, hashlib.sha256).hexdigest()


class Bank(Processor):
    """`fault` is what it does wrong; none: nothing."""

    traits = TRAITS
    fault = ""
    world: World

    def __init__(self, *needed: str) -> None:
        if self.fault == "needs_arguments" and not needed:
            raise TypeError("a URL is needed")
        self._is_started = self._is_closed = False
        self._current: Transaction | None = None

    @property
    def setting_names(self) -> frozenset[str]:
        return frozenset({"GATEWAY_BANK_URL" if self.fault == "prefixed_setting" else "bank_url"})

    async def start(self, context: ProcessorContext) -> None:
        self._is_started = True
        self.traits = replace(TRAITS, **WRONG_TRAITS.get(self.fault, {}))

    async def close(self) -> None:
        if self.fault == "closes_once" and self._is_closed:
            raise RuntimeError("it is closed")
        if self.fault == "closes_what_was_started" and not self._is_started:
            raise RuntimeError("it was not started")
        self._is_closed = True
        self.world.is_closed = self.fault == "closes_all"

    async def charge(self, transaction: Transaction) -> Outcome:
        self._tell(transaction)
        if transaction.amount <= 0:
            card = transaction.card
            quoted = card.number if card and self.fault == "raises_number" else ""
            raise ValueError(f"no amount {quoted}")
        self.world.in_flight += 1
        try:
            return await self._carry_out(transaction)
        except asyncio.CancelledError:
            return await self._cut_off(transaction)
        finally:
            self.world.in_flight -= 1

    authorize = capture = void = refund = charge

    async def lookup(self, transaction: Transaction) -> Outcome:
        if self.fault == "silence_not_found" and not self.world.answers.is_set():
            return AttemptNotFound()
        await self._answer()
        outcome = self.world.outcomes.get(transaction.reference)
        return self._unheard(transaction) if outcome is None else self._found(transaction, outcome)

    async def resume(self, transaction: Transaction) -> Outcome:
        return Declined() if self.fault == "resume_declines" else await self.lookup(transaction)

    async def forget(self, stored: str, account: Account | None) -> None:
        if self.fault == "forgets_once" and stored not in self.world.kept:
            raise KeyError("not there")
        if self.fault != "forgets_nothing":
            self.world.kept.pop(stored, None)
        if self.fault == "forgets_all":
            self.world.kept.clear()

    async def check(self, account: Account | None) -> None:
        if self.fault == "check_refuses_all":
            raise CredentialsRefused("always")
        if account is None or self.fault == "check_takes_all":
            return
        if self.fault == "check_raises":
            raise OSError("401")
        raise CredentialsRefused(account["key"] if self.fault == "check_quotes" else "no such key")

    def parse_notification(
        self, headers: Mapping[str, str], body: bytes, account: Account | None
    ) -> Sequence[Notification]:
        given = headers.get("signature")
        is_true = {
            "trusts_unsigned": given is None or given == sign(body),
            "trusts_signatures": given is not None,
            "trusts_lengths": given is not None and given[:-1] == sign(body)[:-1],
        }.get(self.fault, given == sign(body))
        if not is_true:
            raise KeyError("signature") if self.fault == "forged_raises" else InvalidNotification
        told = Notification(**json.loads(body))
        wrong: dict[str, list[Notification]] = {
            "reads_nothing": [],
            "notification_unnamed": [replace(told, id="")],
            "notification_renamed": [replace(told, id=new_id("evt"))],
            "notification_about_none": [replace(told, reference=None)],
        }
        return wrong.get(self.fault, [told])

    async def clarify(self, notification: Notification, account: Account | None) -> Finding | None:
        for reference, outcome in self.world.outcomes.items():
            if isinstance(outcome, Approved) and outcome.reference == notification.reference:
                found = Finding(reference=outcome.reference, attempt=reference, outcome=outcome)
                wrong: dict[str, Finding | None] = {
                    "clarifies_nothing": None,
                    "clarifies_foreign": replace(found, attempt=None),
                    "clarifies_decline": replace(found, outcome=Declined()),
                }
                return wrong.get(self.fault, found)
        if self.fault == "clarify_finds_all":
            return Finding(reference="x", attempt=None, outcome=Declined())
        return None

    def _tell(self, sent: Transaction) -> None:
        """Say what is to be said nowhere."""
        card = sent.card
        if card is not None and self.fault == "logs_number":
            logging.getLogger("bank").debug("charging %s", card.number)
        if card is not None and self.fault == "prints_code":
            print(json.dumps({"cvv": card.cvv}))  # noqa: T201 - the fault
        if card is not None and self._is_closed and self.fault == "raises_number_when_closed":
            raise RuntimeError("-".join(card.number[at : at + 4] for at in (0, 4, 8, 12)))

    async def _answer(self) -> None:
        """Wait for the bank, as long as the caller does."""
        if self._is_closed or self.world.is_closed:
            raise RuntimeError("it is closed")
        await asyncio.sleep(0)
        await self.world.answers.wait()

    async def _carry_out(self, sent: Transaction) -> Outcome:
        if self.fault == "raises":
            raise ValueError("approved")
        if self.fault == "answers_of_a_question":
            return AttemptNotFound()
        if self.fault == "gives_up" and self.world.in_flight > MANY:
            return Unknown(reason="busy")
        self._current = sent
        await self._answer()
        outcome = self._book(self._current if self.fault == "mixes_up" else sent)
        await self._answer()
        return outcome

    async def _cut_off(self, sent: Transaction) -> Outcome:
        if self.fault == f"{sent.kind}_declines_when_cut_off":
            return Declined()
        if self.fault == f"{sent.kind}_raises_when_cut_off":
            raise RuntimeError("it was cut off") from None
        if self.fault in (f"{sent.kind}_goes_on", "goes_on_in_silence"):
            await asyncio.sleep(2)
        if self.fault == f"{sent.kind}_is_lost_when_cut_off":
            self.world.outcomes.pop(sent.reference, None)
        raise asyncio.CancelledError

    def _book(self, sent: Transaction) -> Outcome:
        world, known = self.world, self.world.outcomes.get(sent.reference)
        if known is not None:
            if self.fault == "moves_again":
                world.moved[sent.reference].append(sent.amount)
            if self.fault != "does_again":
                return known
        outcome = self._judge(sent)
        world.sent[sent.reference] = sent
        world.outcomes[sent.reference] = outcome
        moved = world.moved.setdefault(sent.reference, [])
        moves = isinstance(outcome, Approved) and self.fault != "books_nothing"
        if moves or (self.fault == "moves_declined" and isinstance(outcome, Declined)):
            moved.append(self._amount(sent))
        return outcome

    def _amount(self, sent: Transaction) -> int:
        digits = exponent(sent.currency)
        wrong = {
            "two_decimals": sent.amount * 10 ** (2 - digits)
            if digits <= 2
            else sent.amount // 10 * 10,
            "rounds": sent.amount // 100 * 100,
            "captures_whole": self._sum(sent.original, "authorize"),
            "refunds_whole": self._sum(sent.original, "charge"),
        }
        applies = self.fault in ("two_decimals", "rounds") or self.fault == f"{sent.kind}s_whole"
        return wrong[self.fault] if applies else sent.amount

    def _judge(self, sent: Transaction) -> Outcome:
        if self.fault == f"declines_{sent.kind}":
            return Declined()
        if sent.kind not in PAYMENTS:
            possible = self._possible(sent)
            return self._approved(sent) if sent.amount <= possible else Declined(reason="exceeds")
        number = self._number(sent)
        if number in (None, DECLINED) and self.fault != "approves_all":
            return Declined(description=" ") if self.fault == "no_words" else self._declined(sent)
        if number == PENDING and self.fault != "guesses":
            return Unknown(reason="pending", reference=self._name(sent))
        if number == CHALLENGED:
            action = "confirm" if self.fault == "action_is_no_json" else '{"type": "redirect"}'
            return RequiresAction(reference=self._name(sent), next_action=action)
        return self._approved(sent)

    def _declined(self, sent: Transaction) -> Declined:
        quotes = self.fault == "answers_number" and sent.card is not None
        return Declined(description=f"No: {sent.card.number}") if quotes else Declined()

    def _number(self, sent: Transaction) -> str | None:
        if sent.nonce is not None:
            return None if self.fault == "takes_no_nonces" else APPROVED
        if sent.stored is not None:
            unknown = APPROVED if self.fault == "unknown_card_pays" else None
            if self.fault == "stored_pays_not":
                return None
            return self.world.kept.get(sent.stored, unknown)
        return None if sent.card is None else sent.card.number

    def _approved(self, sent: Transaction) -> Approved:
        stored = None
        if sent.store_for is not None and sent.card is not None and self.fault != "keeps_nothing":
            number = sent.card.number
            stored = number[-4:] if self.fault == "keeps_once" else f"kept_{sent.reference}"
            self.world.kept[stored] = number
        return Approved(reference=self._name(sent), stored=stored)

    def _name(self, sent: Transaction) -> str:
        if self.fault == "nameless":
            return ""
        if self.fault == "names_by_amount":
            return f"tr_{sent.amount}"
        again = new_id("tr") if self.fault == "does_again" else ""
        return f"tr_{sent.reference}{again}"

    def _possible(self, sent: Transaction) -> int:
        """What may be captured, voided or refunded of the original."""
        original = sent.original
        endless = {"overcaptures": "capture", "overrefunds": "refund"}.get(self.fault)
        known = self._sum(original, *PAYMENTS) > 0
        if (known and endless == sent.kind) or (self.fault == "refunds_unknown" and not known):
            return sent.amount
        if sent.kind == "refund":
            return self._sum(original, "charge", "capture") - self._sum(original, "refund")
        captured = self._sum(original, "capture")
        if self.fault == "captures_once" and captured:
            return 0
        voided = 0 if self.fault == "captures_voided" else self._sum(original, "void")
        return self._sum(original, "authorize") - captured - voided

    def _sum(self, original: str | None, *kinds: str) -> int:
        outcomes = self.world.outcomes
        about = (
            sent.amount
            for reference, sent in self.world.sent.items()
            if isinstance(done := outcomes.get(reference), Approved)
            and sent.kind in kinds
            and original in (sent.original, done.reference)
        )
        return sum(about) if original is not None else 0

    def _found(self, asked: Transaction, outcome: Outcome) -> Outcome:
        by_ours = asked.known_as is None
        elsewhere = Approved(reference="elsewhere")
        wrong: dict[str, tuple[bool, Outcome]] = {
            "not_found_by_ours": (by_ours, AttemptNotFound()),
            "another_by_ours": (by_ours, elsewhere),
            "not_found_by_theirs": (not by_ours, AttemptNotFound()),
            "decline_is_approved": (isinstance(outcome, Declined), elsewhere),
            "challenge_is_approved": (isinstance(outcome, RequiresAction), elsewhere),
            "unknown_is_not_found": (isinstance(outcome, Unknown), AttemptNotFound()),
            "stored_once": (isinstance(outcome, Approved), Approved(reference=self._name(asked))),
            f"lost_{asked.kind}": (True, Unknown(reason="search")),
        }
        applies, answer = wrong.get(self.fault, (False, outcome))
        return answer if applies else outcome

    def _unheard(self, asked: Transaction) -> Outcome:
        if self.fault in ("all_is_found", f"unsent_{asked.kind}"):
            return Approved(reference="elsewhere")
        for reference, sent in self.world.sent.items():
            same_amount = self.fault == "found_by_amount" and sent.amount == asked.amount
            same_original = self.fault == "found_by_original" and sent.original == asked.original
            if same_amount or same_original:
                return self.world.outcomes[reference]
        return AttemptNotFound()
