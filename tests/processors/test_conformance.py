"""Each check of the conformance suite fails for a processor with the fault that it looks for."""

from __future__ import annotations

import json
import re
import unittest
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.domain.instruments import Nonce
from gateway.domain.outcomes import Approved, ProcessorTraits, RequiresAction, Transaction
from gateway.processors import conformance
from gateway.processors.protocol import Processor
from tests.processors import faulty
from tests.processors.faulty import Bank, World
from tests.processors.transactions import card

# The check, the fault, and what the message says.
FAULTS = [
    ("the_entry_point_is_the_name", "renamed", "no installed package names Bank as 'other'"),
    ("it_is_made_without_arguments", "needs_arguments", "made without|makes a processor without"),
    ("it_is_made_without_arguments", "renamed", "another one after start"),
    ("the_timeout_is_a_time", "no_time", "timeout_seconds is 0"),
    ("the_timeout_is_a_time", "endless_time", "timeout_seconds is inf"),
    ("what_it_takes_is_known", "unknown_mode", "production"),
    ("what_it_takes_is_known", "unknown_method", "cash"),
    ("what_it_takes_is_known", "unknown_currency", "XYZ"),
    ("credentials_can_be_entered", "credential_twice", "a name twice"),
    ("credentials_can_be_entered", "credential_unlabelled", "label"),
    ("credentials_can_be_entered", "nobodys", "nobody could use it"),
    ("settings_have_names_of_the_environment", "prefixed_setting", "GATEWAY_BANK_URL"),
    ("a_charge_is_approved", "declines_charge", "expected Approved, got Declined"),
    ("a_charge_is_approved", "nameless", "Approved.reference"),
    ("a_charge_is_approved", "books_nothing", r"the sandbox booked \[\]"),
    ("a_charge_is_approved", "raises", "raised ValueError"),
    ("a_charge_is_approved", "answers_of_a_question", "the gateway believes only"),
    ("an_authorization_is_approved", "declines_authorize", "expected Approved"),
    ("a_decline_is_declined", "approves_all", "expected Declined"),
    ("a_decline_is_declined", "no_words", "are to be texts"),
    ("a_decline_is_declined", "moves_declined", "what was declined moves nothing"),
    ("an_approval_is_found_by_our_reference", "not_found_by_ours", "the shopper pays twice"),
    ("an_approval_is_found_by_our_reference", "another_by_ours", "what was said first"),
    ("an_approval_is_found_by_its_name", "not_found_by_theirs", "what was said first"),
    ("a_decline_stays_one", "decline_is_approved", "what was declined is to say Declined"),
    ("what_was_never_sent_is_not_approved", "all_is_found", "expected AttemptNotFound"),
    ("what_was_never_sent_is_not_another_payment", "found_by_amount", "by the reference alone"),
    ("the_same_reference_moves_money_once", "does_again", "the same reference sent again"),
    ("the_same_reference_moves_money_once", "moves_again", "one reference moves money once"),
    ("two_references_are_two_payments", "names_by_amount", "two payments have one reference"),
    ("a_challenge_is_passed", "action_is_no_json", "JSON object"),
    ("a_challenge_is_passed", "challenge_is_approved", "while the challenge is open"),
    ("a_challenge_is_passed", "resume_declines", "after the challenge was passed"),
    ("an_unknown_outcome_is_said_to_be_one", "guesses", "expected Unknown"),
    ("an_unknown_outcome_is_said_to_be_one", "unknown_is_not_found", "it would be sent again"),
    ("amounts_without_decimals", "two_decimals", r"booked \[123400\]"),
    ("amounts_with_two_decimals", "rounds", r"booked \[1200\]"),
    ("amounts_with_three_decimals", "two_decimals", r"booked \[1230\]"),
    ("all_is_captured", "declines_capture", "expected Approved"),
    ("a_part_is_captured", "captures_whole", "no more"),
    ("several_captures_add_up", "captures_once", "traits.multiple_captures"),
    ("several_captures_add_up", "overcaptures", "when all is captured"),
    ("no_more_is_captured_than_authorized", "overcaptures", "is to be Declined"),
    ("what_is_voided_is_not_captured", "declines_void", "a void of an authorization"),
    ("what_is_voided_is_not_captured", "captures_voided", "what was voided"),
    ("all_is_refunded", "declines_refund", "expected Approved"),
    ("all_is_refunded", "overrefunds", "what was refunded"),
    ("refunds_of_parts_add_up", "refunds_whole", "no more"),
    ("refunds_of_parts_add_up", "overrefunds", "when all is refunded"),
    ("no_more_is_refunded_than_captured", "overrefunds", "is to be Declined"),
    ("no_more_is_refunded_than_captured", "moves_declined", "moves nothing"),
    ("no_more_is_refunded_than_captured", "decline_is_approved", "it was declined"),
    ("an_unknown_original_is_refused", "refunds_unknown", "never made"),
    ("the_same_capture_is_made_once", "does_again", "sent again"),
    ("the_same_capture_is_made_once", "moves_again", "made once"),
    ("the_same_refund_is_made_once", "does_again", "sent again"),
    ("the_same_refund_is_made_once", "moves_again", "made once"),
    ("a_capture_is_found", "lost_capture", "is to say Approved"),
    ("a_capture_is_found", "unsent_capture", "never sent"),
    ("a_void_is_found", "lost_void", "is to say Approved"),
    ("a_void_is_found", "unsent_void", "never sent"),
    ("a_refund_is_found", "lost_refund", "is to say Approved"),
    ("a_refund_is_found", "unsent_refund", "never sent"),
    ("a_refund_is_found", "found_by_original", "after another one of that payment"),
    ("a_payment_can_be_cut_off", "charge_declines_when_cut_off", "is to be passed on"),
    ("a_payment_can_be_cut_off", "charge_raises_when_cut_off", "is to be passed on"),
    ("a_payment_can_be_cut_off", "charge_goes_on", "goes on"),
    ("a_payment_can_be_cut_off", "charge_is_lost_when_cut_off", "moved money 2 times"),
    ("a_capture_can_be_cut_off", "capture_declines_when_cut_off", "is to be passed on"),
    ("a_capture_can_be_cut_off", "capture_is_lost_when_cut_off", "moved money 2 times"),
    ("a_void_can_be_cut_off", "void_goes_on", "goes on"),
    ("a_void_can_be_cut_off", "void_is_lost_when_cut_off", "moved money 2 times"),
    ("a_refund_can_be_cut_off", "refund_declines_when_cut_off", "is to be passed on"),
    ("a_refund_can_be_cut_off", "refund_is_lost_when_cut_off", "moved money 2 times"),
    ("many_calls_at_once", "gives_up", "at once: each is to be Approved"),
    ("many_calls_at_once", "mixes_up", "the same Approved.reference"),
    ("silence_ends_in_time", "goes_on_in_silence", "is a cancellation swallowed"),
    ("silence_ends_in_time", "charge_declines_when_cut_off", "without an answer is Declined"),
    ("silence_ends_in_time", "silence_not_found", "it is to raise"),
    ("closing_is_harmless", "closes_once", "harmless before start"),
    ("closing_is_harmless", "closes_what_was_started", "harmless before start"),
    ("closing_is_harmless", "closes_all", "raised RuntimeError"),
    ("card_data_is_told_nowhere", "logs_number", "a card number is in"),
    ("card_data_is_told_nowhere", "prints_code", "a CVV is in"),
    ("card_data_is_told_nowhere", "raises_number", "a card number is in"),
    ("card_data_is_told_nowhere", "answers_number", "a card number is in"),
    ("card_data_is_told_nowhere", "raises_number_when_closed", "a card number is in"),
    ("right_credentials_are_taken", "check_refuses_all", "always"),
    ("wrong_credentials_are_refused", "check_takes_all", "takes wrong credentials"),
    ("wrong_credentials_are_refused", "check_raises", "raised OSError"),
    ("wrong_credentials_are_refused", "check_quotes", "quotes a credential"),
    ("a_card_is_kept_and_charged_again", "keeps_nothing", "Approved.stored is None"),
    ("a_card_is_kept_and_charged_again", "stored_once", "is to say stored, too"),
    ("a_card_is_kept_and_charged_again", "stored_pays_not", "a charge of a kept card"),
    ("a_forgotten_card_pays_no_more", "keeps_once", "one Approved.stored"),
    ("a_forgotten_card_pays_no_more", "forgets_nothing", "a charge of a forgotten card"),
    ("a_forgotten_card_pays_no_more", "forgets_once", "not there"),
    ("a_forgotten_card_pays_no_more", "forgets_all", "still kept"),
    ("a_card_that_nobody_kept_is_declined", "unknown_card_pays", "nobody kept"),
    ("a_nonce_pays_in_place_of_a_card", "takes_no_nonces", "traits.accepts_nonces promises"),
    ("a_true_notification_is_read", "reads_nothing", "reads nothing"),
    ("a_true_notification_is_read", "notification_unnamed", "handled twice"),
    ("a_true_notification_is_read", "notification_renamed", "read differently"),
    ("a_true_notification_is_read", "notification_about_none", "no notification is about"),
    ("a_forged_notification_is_refused", "trusts_unsigned", "without its signature"),
    ("a_forged_notification_is_refused", "trusts_signatures", "with another signature"),
    ("a_forged_notification_is_refused", "trusts_lengths", "with another signature"),
    ("a_forged_notification_is_refused", "forged_raises", "not InvalidNotification"),
    ("a_notification_is_clarified", "clarifies_nothing", "expected Finding"),
    ("a_notification_is_clarified", "clarifies_foreign", "name our reference"),
    ("a_notification_is_clarified", "clarifies_decline", "expected Approved"),
    ("a_notification_about_nothing_is_no_finding", "clarify_finds_all", "not there says"),
]


class Suite(conformance.ProcessorConformance):
    """The checks on the bank in memory, with every hook."""

    __test__ = False
    lease_seconds = 0.0

    async def asyncSetUp(self) -> None:
        Bank.world = World()
        Bank.world.answers.set()
        await super().asyncSetUp()

    async def start_processor(self) -> Bank:
        bank = Bank("url")
        await bank.start(self.context())
        return bank

    def approved(self) -> Transaction:
        return self.transaction(card=card(faulty.APPROVED))

    def declined(self) -> Transaction:
        return self.transaction(card=card(faulty.DECLINED))

    def challenged(self) -> Transaction | None:
        return self.transaction(card=card(faulty.CHALLENGED))

    async def pass_challenge(self, transaction: Transaction, action: RequiresAction) -> None:
        approved = Approved(reference=action.reference)
        Bank.world.outcomes[transaction.reference] = approved

    def unknown(self) -> Transaction | None:
        return self.transaction(card=card(faulty.PENDING))

    async def booked(self, transaction: Transaction) -> Sequence[int] | None:
        return Bank.world.moved.get(transaction.reference, [])

    @asynccontextmanager
    async def stalled(self) -> AsyncIterator[None]:
        Bank.world.answers.clear()
        yield
        Bank.world.answers.set()

    async def with_nonce(self) -> Transaction:
        return replace(self.transaction(), nonce=Nonce(descriptor="script", value="once"))

    async def notify(
        self, transaction: Transaction, approved: Approved
    ) -> conformance.SignedMessage:
        event = {"id": transaction.reference, "kind": "paid", "reference": approved.reference}
        body = json.dumps(event).encode()
        return conformance.SignedMessage(
            headers={"signature": faulty.sign(body)}, body=body, signature_header="signature"
        )


CHECKS = sorted(name for name in dir(Suite) if name.startswith("test_"))


@pytest.fixture(autouse=True)
def _installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bank has an entry point, as pip would leave it."""
    monkeypatch.syspath_prepend(tmp_path)
    information = tmp_path / "faulty-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0")
    points = "[gateway.processors]\nfaulty = tests.processors.faulty:Bank\n"
    (information / "entry_points.txt").write_text(points)


def run(check: str, suite: type[Suite] = Suite) -> unittest.TestResult:
    """What unittest makes of one check."""
    result = unittest.TestResult()
    suite(check).run(result)
    return result


@pytest.mark.parametrize("check", CHECKS)
def test_a_faultless_processor_passes(check: str) -> None:
    """And nothing of what it can do is skipped."""
    result = run(check)

    assert [] == [text for _, text in result.failures + result.errors]
    assert [] == result.skipped


@pytest.mark.parametrize(("check", "fault", "message"), FAULTS)
def test_a_fault_is_found(
    check: str, fault: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the check that looks for it, and in words that help."""
    monkeypatch.setattr(Bank, "fault", fault)
    result = run(f"test_{check}")
    told = [text for _, text in result.failures + result.errors]

    assert 1 == len(told)
    assert re.search(message, told[0])


def test_cards_that_cannot_be_forgotten_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that keeps cards has a `forget` of its own."""
    monkeypatch.setattr(Bank, "forget", Processor.forget)
    (failed,) = run("test_cards_that_are_kept_can_be_forgotten").failures

    assert "forget() is not there" in failed[1]


class Bare(Suite):
    """What an author has to write, and no more."""

    __test__ = False
    challenged = conformance.ProcessorConformance.challenged
    unknown = conformance.ProcessorConformance.unknown
    stalled = conformance.ProcessorConformance.stalled
    booked = conformance.ProcessorConformance.booked


def test_what_is_not_claimed_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the reason names the trait or the method; the rest passes, in two steps, too."""
    traits = ProcessorTraits(
        name="faulty",
        timeout_seconds=0.5,
        single_step=False,
        partial_capture=False,
        currencies=frozenset({"USD"}),
    )
    monkeypatch.setattr(faulty, "TRAITS", traits)
    monkeypatch.setattr(Bank, "traits", traits)
    monkeypatch.setattr(Bank, "parse_notification", Processor.parse_notification)
    results = [run(check, Bare) for check in CHECKS]

    assert [] == [text for result in results for _, text in result.failures + result.errors]
    assert {
        "challenged() gives none",
        "parse_notification() is not there",
        "stalled() gives none",
        "traits.accepts_nonces is False",
        "traits.credentials is empty",
        "traits.currencies has none with 0 decimals",
        "traits.currencies has none with 3 decimals",
        "traits.idempotent_by_reference is False",
        "traits.multiple_captures or traits.partial_capture is False",
        "traits.partial_capture is False",
        "traits.single_step is False",
        "traits.stores_instruments is False",
        "unknown() gives none",
    } == {reason for result in results for _, reason in result.skipped}


def test_every_check_has_its_fault() -> None:
    """A check that cannot fail is none."""
    faults = {f"test_{check}" for check, _, _ in FAULTS}

    assert set(CHECKS) == faults | {"test_cards_that_are_kept_can_be_forgotten"}
