"""Whatever merchants do in whatever order, the book adds up."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.domain.clock import Clock
from gateway.sandbox.authorizenet.accounts import Accounts, Call
from gateway.sandbox.authorizenet.batches import pending
from gateway.sandbox.authorizenet.operations import perform
from gateway.sandbox.authorizenet.options import Options
from gateway.sandbox.authorizenet.transactions import Status
from tests.sandbox.requests import card, last_four

amounts = st.decimals("0.01", "30.00", places=2)
held = st.sampled_from(["252.00", "253.00"])
picks = st.integers(0, 10)


class Merchant(RuleBasedStateMachine):
    """Charges, captures, voids, refunds and reviews at random; settles now and then."""

    @initialize()
    def open_account(self) -> None:
        self.clock = Clock()
        self.accounts = Accounts(Options(duplicate_window_seconds=0))
        self.account = self.accounts.get(None)
        self.settled: dict[str, Decimal] = {}

    def transact(self, kind, **members):
        request = {"transactionRequest": {"transactionType": kind, **members}}
        return self.ask("createTransactionRequest", request)

    def ask(self, operation, members):
        call = Call(self.account, self.accounts, operation, members, self.clock.now())
        return perform(call)["transactionResponse"]

    def some_id(self, pick, *likely: Status) -> str:
        """One of those in a likely state, or any at all where there is none or `pick` is 0."""
        book = list(self.account.book)
        chosen = [each for each in book if pick and each.status in likely] or book
        return chosen[pick % len(chosen)].id if chosen else "1"

    @rule(kind=st.sampled_from(["authCaptureTransaction", "authOnlyTransaction"]), amount=amounts)
    def charge(self, kind, amount) -> None:
        self.transact(kind, amount=str(amount), payment=card())

    @rule(kind=st.sampled_from(["authCaptureTransaction", "authOnlyTransaction"]), amount=held)
    def be_held(self, kind, amount) -> None:
        self.transact(kind, amount=amount, payment=card())

    @rule(amount=amounts)
    def be_declined(self, amount) -> None:
        declining = {"zip": "46282"}
        self.transact(
            "authCaptureTransaction", amount=str(amount), payment=card(), billTo=declining
        )

    @rule(amount=amounts, pick=picks)
    def capture(self, amount, pick) -> None:
        original = self.some_id(pick, Status.AUTHORIZED)
        self.transact("priorAuthCaptureTransaction", amount=str(amount), refTransId=original)

    @rule(pick=picks)
    def void(self, pick) -> None:
        self.transact("voidTransaction", refTransId=self.some_id(pick, Status.CAPTURED))

    @rule(pick=picks)
    def void_what_has_settled(self, pick) -> None:
        self.transact("voidTransaction", refTransId=self.some_id(pick, Status.SETTLED))

    @rule(amount=amounts, pick=picks)
    def refund(self, amount, pick) -> None:
        original = self.some_id(pick, Status.SETTLED)
        self.transact(
            "refundTransaction", amount=str(amount), payment=last_four(), refTransId=original
        )

    @rule(action=st.sampled_from(["approve", "decline"]), pick=picks)
    def review(self, action, pick) -> None:
        waiting = self.some_id(pick, Status.HELD, Status.AUTHORIZED_HELD)
        request = {"action": action, "refTransId": waiting}
        self.ask("updateHeldTransactionRequest", {"heldTransactionRequest": request})

    @rule()
    def settle(self) -> None:
        batch_id = self.accounts.next_id()
        self.account.batches.settle(pending(self.account.book), batch_id, self.clock.now())

    @invariant()
    def no_more_is_captured_than_was_authorized(self) -> None:
        for each in self.account.book:
            assert Decimal(0) < each.settle_amount <= each.auth_amount

    @invariant()
    def no_more_is_refunded_than_was_settled(self) -> None:
        refunded: dict[str, Decimal] = defaultdict(Decimal)
        for each in self.account.book:
            if each.status in (Status.REFUND_PENDING, Status.REFUND_SETTLED):
                refunded[each.ref_transaction_id] += each.settle_amount
        for original_id, amount in refunded.items():
            original = self.account.book.find(original_id)
            assert original is not None
            assert Status.SETTLED is original.status
            assert amount <= original.settle_amount

    @invariant()
    def what_has_settled_stays_as_it_is(self) -> None:
        for each in self.account.book:
            if each.id in self.settled:
                assert self.settled[each.id] == each.settle_amount
                assert each.status in (Status.SETTLED, Status.REFUND_SETTLED)
            elif each.status in (Status.SETTLED, Status.REFUND_SETTLED):
                self.settled[each.id] = each.settle_amount

    @invariant()
    def each_transaction_is_in_one_batch_or_none(self) -> None:
        everything = self.account.batches.between(
            self.clock.now() - timedelta(days=1), self.clock.now() + timedelta(days=1)
        )
        listed = [each.id for batch in everything for each in batch.transactions]
        assert len(set(listed)) == len(listed)
        assert set(listed) == {each.id for each in self.account.book if each.batch_id}


TestMerchant = Merchant.TestCase
TestMerchant.settings = settings(max_examples=60, stateful_step_count=40)
