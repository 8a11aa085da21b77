"""Begin: what the holder of a job is to do (P2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.domain.decisions import Acknowledge, Decision, LookUp, Proceed, begin_at_once
from gateway.domain.outcomes import (
    Approved,
    AttemptNotFound,
    Declined,
    FailedSurely,
    RequiresAction,
    Unknown,
)
from tests.unit.invariants import check_state
from tests.unit.scenario import LEASE_SECONDS, POLICY, Scenario, authorized, captured

CHALLENGE = RequiresAction(reference="bank_1", next_action='{"type":"redirect"}')


def paid() -> Scenario:
    scenario = Scenario()
    scenario.pay()
    return scenario


def test_a_fresh_operation_is_sent() -> None:
    """The attempt is written before the call, with a lease for the call and a margin."""
    scenario = paid()
    instruction = scenario.begin()

    assert isinstance(instruction, Proceed)
    attempt = instruction.attempt
    assert (1, "sent", scenario.now) == (attempt.number, attempt.state, attempt.sent_at)
    assert timedelta(seconds=35) == attempt.lease_until - scenario.real_now
    assert (False, "processing", scenario.operation) == (
        instruction.resume,
        instruction.payment.status,
        instruction.operation,
    )
    assert scenario.decision.work is not None
    assert (attempt,) == scenario.decision.work.inserts
    assert [] == scenario.events


def test_an_operation_in_hand_is_left_alone() -> None:
    """A doubled job does nothing while the first holder's lease runs, whatever the clock says."""
    scenario = paid()
    scenario.send()
    scenario.move_clock(86_400)
    assert (Acknowledge(), False) == (scenario.begin(), scenario.wrote)

    scenario.wait(LEASE_SECONDS - 1)
    assert (Acknowledge(), False) == (scenario.begin(), scenario.wrote)


def test_an_operation_whose_holder_is_gone_is_looked_up() -> None:
    """When the lease has passed, it is asked about and not sent; asking writes nothing."""
    scenario = paid()
    attempt = scenario.send()
    scenario.wait(LEASE_SECONDS)
    instruction = scenario.begin()

    assert isinstance(instruction, LookUp)
    assert (attempt, False) == (instruction.attempt, scenario.wrote)


def test_an_unknown_outcome_is_looked_up() -> None:
    """Its holder has let go, so the lease does not keep anybody from asking."""
    scenario = paid()
    scenario.carry_out(Unknown(reason="timeout"))
    scenario.wait(10)

    assert isinstance(scenario.begin(), LookUp)
    assert not scenario.wrote


def test_a_sure_failure_is_sent_again_as_a_new_attempt() -> None:
    """The number goes up, the reference is another one."""
    scenario = paid()
    first = scenario.send()
    scenario.tell(FailedSurely(reason="connection_refused"))
    scenario.wait(1)
    second = scenario.send()

    assert (1, 2) == (first.number, second.number)
    assert first.id != second.id


@pytest.mark.parametrize("outcome", [Approved(reference="bank_1"), Declined()])
def test_a_finished_operation_is_acknowledged(outcome: Approved | Declined) -> None:
    """A redelivered job rewrites nothing."""
    scenario = paid()
    scenario.carry_out(outcome)
    scenario.wait(10 * LEASE_SECONDS)

    assert (Acknowledge(), False) == (scenario.begin(), scenario.wrote)


def test_an_operation_nobody_knows_is_acknowledged() -> None:
    """A job about nothing is done."""
    assert Acknowledge() == paid().begin("op_AAAAAAAAAAAAAAAA")


def test_a_release_is_finished_without_the_processor() -> None:
    """Its refund is processed as soon as it is begun."""
    scenario = authorized()
    refund = scenario.give_back(1_000)
    assert Acknowledge() == scenario.begin()

    assert ("done", "processed") == (scenario.operation.state, scenario.refund.status)
    assert (scenario.now, ["refund.processed"]) == (scenario.refund.processed_at, scenario.events)
    assert refund.id == scenario.bodies[0]["data"]["refund"]["id"]
    assert 1_000 == scenario.bodies[0]["data"]["payment"]["amount_released"]

    assert (Acknowledge(), False) == (scenario.begin(), scenario.wrote)


def test_a_refund_that_is_begun_is_processing() -> None:
    """The refund follows its operation."""
    scenario = captured()
    scenario.give_back()
    scenario.send()

    assert "processing" == scenario.refund.status


def test_nothing_is_asked_while_the_shopper_has_time() -> None:
    """Up to the deadline the job is acknowledged."""
    scenario = paid()
    scenario.carry_out(CHALLENGE)
    scenario.wait(POLICY.action_seconds - 1)

    assert (Acknowledge(), False) == (scenario.begin(), scenario.wrote)


def test_after_the_deadline_the_processor_is_asked() -> None:
    """The shopper may have finished without coming back."""
    scenario = paid()
    scenario.carry_out(CHALLENGE)
    scenario.wait(POLICY.action_seconds)

    assert isinstance(scenario.begin(), LookUp)


def test_a_resumed_payment_goes_on_with_its_attempt() -> None:
    """The same reference, marked as coming from a challenge, under a lease again."""
    scenario = paid()
    scenario.carry_out(CHALLENGE)
    scenario.resume()
    instruction = scenario.begin()

    assert isinstance(instruction, Proceed)
    assert (True, 1, "sent") == (
        instruction.resume,
        instruction.attempt.number,
        scenario.attempt.state,
    )
    assert timedelta(seconds=LEASE_SECONDS) == scenario.attempt.lease_until - scenario.real_now
    assert Acknowledge() == scenario.begin()


def test_what_the_processor_did_not_know_goes_out_under_a_new_lease() -> None:
    """The same attempt; a doubled job leaves it alone."""
    scenario = paid()
    attempt = scenario.send()
    scenario.wait(LEASE_SECONDS)
    scenario.begin()
    assert scenario.tell(AttemptNotFound())

    assert attempt.id == scenario.attempt.id
    assert Acknowledge() == scenario.begin()
    scenario.wait(LEASE_SECONDS)
    assert isinstance(scenario.begin(), LookUp)


def _begun_at_once(scenario: Scenario, ask: Callable[[Scenario], object]) -> Decision[Proceed]:
    """Ask, then begin in the same unit of work; the scenario goes on from there."""
    ask(scenario)
    work = scenario.decision.work
    assert work is not None
    begun = begin_at_once(scenario.state, work, scenario.moment(), POLICY)
    assert begun is not None
    scenario.state = begun.state
    check_state(scenario.state)
    return begun


@pytest.mark.parametrize(
    ("made", "ask", "inserts", "updates"),
    [
        (Scenario, lambda order: order.pay(), ["Payment", "Operation", "Attempt"], []),
        (authorized, lambda order: order.capture(), ["Operation", "Attempt"], ["Payment"]),
        (authorized, lambda order: order.void(), ["Operation", "Attempt"], []),
        (
            captured,
            lambda order: order.give_back(),
            ["Refund", "Operation", "Attempt"],
            ["Payment"],
        ),
    ],
)
def test_begun_at_once_is_one_unit_of_what_both_would_write(
    made: Callable[[], Scenario],
    ask: Callable[[Scenario], object],
    inserts: list[str],
    updates: list[str],
) -> None:
    """Accepted and begun together: one version, no job, and the events of what was accepted."""
    scenario = made()
    version = scenario.order.version
    begun = _begun_at_once(scenario, ask)

    work, accepted = begun.work, scenario.decision.work
    assert work is not None
    assert accepted is not None
    assert (version + 1, version) == (work.order.version, work.expected_version)
    assert (accepted.id, ()) == (work.id, work.jobs)
    assert accepted.events == work.events
    assert inserts == [type(each).__name__ for each in work.inserts]
    assert updates == [type(each).__name__ for each in work.updates]
    assert begun.result.attempt in work.inserts
    written = {each.id: each for each in (*work.inserts, *work.updates)}
    assert begun.result.payment == written.get(scenario.payment.id, scenario.payment)
    assert scenario.attempt == begun.result.attempt

    assert isinstance(scenario.begin(), Acknowledge)  # another holder leaves it alone
    scenario.tell(Approved(reference="bank_1"))
    assert "done" == scenario.operation.state


def test_what_needs_no_processor_is_not_begun_at_once() -> None:
    """A release is finished when its job is done; notes have no operation at all."""
    scenario = authorized()
    scenario.give_back(1)
    for ask in (lambda: None, lambda: scenario.change_notes("{}")):
        ask()
        work = scenario.decision.work
        assert work is not None
        assert begin_at_once(scenario.state, work, scenario.moment(), POLICY) is None
