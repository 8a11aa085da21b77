"""The circuit breaker: when it opens, whom it lets through, and when it closes again."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.domain.breaker import BreakerLimits, BreakerState, CircuitBreaker, Permit

LIMITS = BreakerLimits(window_seconds=60, calls_min=4, error_percent=50, open_seconds=30)


def breaker_after(*ends: bool, now: float = 0) -> CircuitBreaker:
    """A breaker that has seen these calls; True is an error."""
    breaker = CircuitBreaker(LIMITS)
    for is_error in ends:
        permit = breaker.admit(now)
        assert permit is not None
        breaker.record(permit, is_error, now)
    return breaker


def test_half_of_enough_calls_open_it() -> None:
    """The fourth call is the second error of four."""
    breaker = breaker_after(True, False, False)
    permit = breaker.admit(1)
    assert permit is not None

    assert BreakerState.OPEN == breaker.record(permit, True, 1)
    assert (None, 30.0) == (breaker.admit(1), breaker.wait_seconds(1))


def test_too_few_calls_do_not_open_it() -> None:
    """Three errors of three say little."""
    breaker = breaker_after(True, True, True)

    assert (BreakerState.CLOSED, (3, 3)) == (breaker.state(0), breaker.counts(0))


def test_fewer_errors_than_the_share_do_not_open_it() -> None:
    """A third of many calls is no reason."""
    breaker = breaker_after(*[False, False, True] * 10)

    assert BreakerState.CLOSED == breaker.state(0)


def test_errors_are_forgotten_with_the_window() -> None:
    """What is a minute old counts no more, neither for nor against."""
    breaker = breaker_after(True, True, True)
    permit = breaker.admit(61)
    assert permit is not None
    breaker.record(permit, True, 61)

    assert (BreakerState.CLOSED, (1, 1)) == (breaker.state(61), breaker.counts(61))


def opened() -> CircuitBreaker:
    """Open since 0, half open from 30 on."""
    return breaker_after(True, True, True, True)


def test_one_call_is_tried_when_its_time_is_over() -> None:
    """All others are refused until that has ended, and told to come soon."""
    breaker = opened()
    assert breaker.admit(29.9) is None
    trial = breaker.admit(30)

    assert trial is not None
    assert (BreakerState.HALF_OPEN, None, 1.0) == (
        breaker.state(30),
        breaker.admit(30),
        breaker.wait_seconds(30),
    )


def test_a_trial_that_goes_well_closes_it() -> None:
    """It begins to count anew."""
    breaker = opened()
    trial = breaker.admit(30)
    assert trial is not None

    assert BreakerState.CLOSED == breaker.record(trial, False, 31)
    assert (0, 0) == breaker.counts(31)
    assert breaker.admit(31) is not None


def test_a_trial_that_fails_opens_it_for_as_long_again() -> None:
    """Counted from the end of the trial."""
    breaker = opened()
    trial = breaker.admit(30)
    assert trial is not None

    assert BreakerState.OPEN == breaker.record(trial, True, 45)
    assert (30.0, None) == (breaker.wait_seconds(45), breaker.admit(74))
    assert breaker.admit(75) is not None


def test_a_trial_that_is_not_made_leaves_room_for_another() -> None:
    """Its card was gone, say: nobody has learnt anything."""
    breaker = opened()
    trial = breaker.admit(30)
    assert trial is not None

    assert breaker.record(trial, None, 30) is None
    assert (BreakerState.HALF_OPEN, 0.0) == (breaker.state(30), breaker.wait_seconds(30))
    assert breaker.admit(30) is not None


def test_calls_from_before_say_nothing_about_the_trial() -> None:
    """A call that hung since it was closed neither closes nor opens it."""
    breaker = CircuitBreaker(LIMITS)
    hanging = breaker.admit(0)
    assert hanging is not None
    for _ in range(4):
        permit = breaker.admit(0)
        assert permit is not None
        breaker.record(permit, True, 0)
    assert breaker.admit(30) is not None

    assert breaker.record(hanging, False, 31) is None
    assert (BreakerState.HALF_OPEN, None) == (breaker.state(31), breaker.admit(31))


@dataclass
class UnderWay:
    """A call; `counts` until the breaker changes, or for a trial, to its end."""

    permit: Permit
    is_trial: bool
    counts: bool = True


class BreakerMachine(RuleBasedStateMachine):
    """Calls that begin and end in any order, and a clock that only grows."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = CircuitBreaker(LIMITS)
        self.now = 0.0
        self.under_way: list[UnderWay] = []
        self.ended: list[tuple[float, bool]] = []

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 29.0, 30.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def begin(self) -> None:
        state = self.breaker.state(self.now)
        is_tried = any(call.is_trial for call in self.under_way)
        permit = self.breaker.admit(self.now)
        if permit is None:
            assert state == BreakerState.OPEN or (state == BreakerState.HALF_OPEN and is_tried)
            assert self.breaker.wait_seconds(self.now) > 0
        else:
            assert state == BreakerState.CLOSED or (
                state == BreakerState.HALF_OPEN and not is_tried
            )
            self.under_way.append(UnderWay(permit, state == BreakerState.HALF_OPEN))

    @precondition(lambda self: self.under_way)
    @rule(index=st.integers(0, 100), is_error=st.sampled_from([True, True, True, False, None]))
    def end(self, index: int, is_error: bool | None) -> None:
        call = self.under_way.pop(index % len(self.under_way))
        after = self.breaker.record(call.permit, is_error, self.now)
        if not call.counts:
            assert after is None
        elif call.is_trial:
            assert after == {True: BreakerState.OPEN, False: BreakerState.CLOSED}.get(is_error)
        else:
            self._check_opening(is_error, after)
        if after is not None:
            self.ended.clear()
            for other in self.under_way:
                other.counts = False

    def _check_opening(self, is_error: bool | None, after: BreakerState | None) -> None:
        """By the calls of the window, which is known to a tenth."""
        if is_error is not None:
            self.ended.append((self.now, is_error))
        calls_max, errors_max = self._within(LIMITS.window_seconds)
        calls_min, errors_min = self._within(LIMITS.window_seconds * 0.9)
        if after is None:
            enough = calls_min >= LIMITS.calls_min and errors_min * 2 >= calls_max
            assert not (is_error and enough)
        else:
            assert (BreakerState.OPEN, True) == (after, is_error)
            assert calls_max >= LIMITS.calls_min
            assert errors_max * 2 >= calls_min

    def _within(self, seconds: float) -> tuple[int, int]:
        errors = [error for moment, error in self.ended if self.now - moment <= seconds]
        return len(errors), sum(errors)

    @invariant()
    def one_trial_at_most(self) -> None:
        assert sum(call.is_trial for call in self.under_way) <= 1


TestBreakerMachine = BreakerMachine.TestCase
