"""Which processors a payment goes to, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import InvalidRequest, InvalidState
from gateway.domain.outcomes import ProcessorTraits
from gateway.domain.routing import (
    Choice,
    Facts,
    Place,
    Rule,
    check_rule,
    choose,
    choose_for_token,
    demand,
)

METHODS = ["upi", "card", "netbanking"]
CURRENCIES = ["INR", "USD", "JPY"]
NETWORKS = ["visa", "amex"]


def traits(name: str, **more: Any) -> ProcessorTraits:
    return ProcessorTraits(name=name, timeout_seconds=30, **more)


PROCESSORS = {
    each.name: each
    for each in (
        traits("simulator", modes=frozenset({"test"}), stores_instruments=True),
        traits("anything"),
        traits(
            "cards",
            methods=frozenset({"card"}),
            currencies=frozenset({"USD"}),
            accepts_nonces=True,
            stores_instruments=True,
        ),
        traits("nonces", accepts_nonces=True),
        traits("own", shared_account=False),
        traits("live", modes=frozenset({"live"})),
    )
}
PLACES = {name: Place(traits=each) for name, each in PROCESSORS.items()}


def rule(id_: str, *processors: str, position: int = 1, **more: Any) -> Rule:
    return Rule(id=id_, position=position, name=f"Rule {id_}", processors=processors, **more)


def facts(**more: Any) -> Facts:
    return Facts(**{"mode": "test", "amount": 5_000, "currency": "INR", "method": "card", **more})


def told(choice: Choice) -> list[tuple[str | None, str | None, bool, str]]:
    return [(each.rule_id, each.processor, each.taken, each.text) for each in choice.steps]


def test_the_first_rule_that_fits_decides() -> None:
    """By position, not by the order in which they are given; each rule is explained."""
    rules = [
        rule("c", "live", position=3),
        rule("b", "anything", "simulator", position=2, methods=frozenset({"card"})),
        rule("a", "cards", position=1, currencies=frozenset({"USD"})),
    ]
    choice = choose(rules, facts(), PLACES)

    assert ("anything", "simulator") == choice.processors
    assert rules[1] == choice.rule
    assert [
        ("a", None, False, "Is for USD, not INR"),
        ("b", None, True, "Fits the payment"),
        ("b", "anything", True, "Is tried first"),
        ("b", "simulator", True, "Is tried when those before it surely did nothing"),
        ("c", None, False, "Not looked at: Rule b has decided"),
    ] == told(choice)


@pytest.mark.parametrize(
    ("conditions", "payment", "reason"),
    [
        ({"active": False}, {}, "Is switched off"),
        ({"currencies": {"USD", "JPY"}}, {}, "Is for JPY or USD, not INR"),
        ({"methods": {"upi"}}, {}, "Is for method upi, not card"),
        (
            {"card_networks": {"visa"}},
            {"card_network": "amex"},
            "Is for cards of visa; this is amex",
        ),
        (
            {"card_networks": {"visa"}},
            {},
            "Is for cards of visa; this is no card of a known network",
        ),
        ({"amount_min": 5_001}, {}, "Is for amounts from 5001; 5000 is less"),
        ({"amount_max": 4_999}, {}, "Is for amounts up to 4999; 5000 is more"),
        (
            {"currencies": {"USD"}, "methods": {"upi"}, "amount_min": 1},
            {},
            "Is for USD, not INR; Is for method upi, not card",
        ),
    ],
)
def test_a_rule_says_why_it_does_not_fit(
    conditions: dict[str, Any], payment: dict[str, Any], reason: str
) -> None:
    """All conditions that fail are named; amounts are not compared across currencies."""
    if "amount_min" in conditions or "amount_max" in conditions:
        conditions = {"currencies": {"INR"}, **conditions}
    sets = {name: frozenset(it) if isinstance(it, set) else it for name, it in conditions.items()}
    choice = choose([rule("a", "anything", **sets)], facts(**payment), PLACES)

    assert ("a", None, False, reason) == told(choice)[0]
    assert ("simulator",) == choice.processors


def test_the_bounds_of_an_amount_belong_to_it() -> None:
    """From 5000 up to 5000 fits 5000."""
    exact = rule("a", "anything", currencies=frozenset({"INR"}), amount_min=5_000, amount_max=5_000)

    assert ("anything",) == choose([exact], facts(), PLACES).processors


@pytest.mark.parametrize(
    ("processor", "payment", "reason"),
    [
        ("gone", {}, "Is not there: no processor of this name is installed and working"),
        ("live", {}, "Takes no test payments"),
        ("simulator", {"mode": "live"}, "Takes no live payments"),
        ("own", {}, "Needs credentials of the merchant's own, and there are none"),
        ("cards", {"method": "upi"}, "Does not take INR; Does not take upi payments"),
        ("anything", {"is_nonce": True}, "Takes no nonces"),
        ("anything", {"saves": True}, "Keeps no cards, and this one is to be kept"),
    ],
)
def test_a_processor_is_left_out_with_a_reason(
    processor: str, payment: dict[str, Any], reason: str
) -> None:
    """It does not matter that the rule names it; nothing else is used in its place."""
    choice = choose([rule("a", processor)], facts(**payment), PLACES)

    assert (("a", processor, False, reason), ()) == (told(choice)[1], choice.processors)
    with pytest.raises(InvalidState, match="No processor configured"):
        demand(choice)


def test_the_simulator_never_serves_live_keys() -> None:
    """Not even one whose traits say that it would."""
    places = {"simulator": Place(traits=traits("simulator"))}

    assert () == choose([rule("a", "simulator")], facts(mode="live"), places).processors


def test_a_rule_whose_processors_take_nothing_leaves_it_to_the_next() -> None:
    """The merchant wanted one of these; a later rule that fits is the merchant's wish too."""
    choice = choose([rule("a", "own"), rule("b", "nonces", position=2)], facts(), PLACES)

    assert (("nonces",), "b") == (choice.processors, choice.rule and choice.rule.id)


def test_an_account_of_the_merchants_own_makes_a_processor_usable() -> None:
    """What has no account for all takes payments of who brings one."""
    places = {"own": Place(traits=PROCESSORS["own"], has_account=True)}

    assert ("own",) == choose([rule("a", "own")], facts(mode="live"), places).processors


def test_without_a_rule_test_keys_simulate_and_live_keys_are_refused() -> None:
    """Live money goes nowhere that its merchant did not choose."""
    tested, live = choose([], facts(), PLACES), choose([], facts(mode="live"), PLACES)

    assert (("simulator",), None, ()) == (tested.processors, tested.rule, live.processors)
    assert (
        [(None, "simulator", True, "No rule fits: test payments go to the simulated bank")],
        [(None, None, False, "No rule fits, and live payments go nowhere without one")],
    ) == (told(tested), told(live))
    with pytest.raises(InvalidState) as refusal:
        demand(live)
    assert ("No processor configured", "no_processor") == (
        refusal.value.description,
        refusal.value.reason,
    )


def test_an_open_breaker_is_a_note() -> None:
    """It may have closed by the time that the payment is sent."""
    places: Mapping[str, Place] = {
        "anything": Place(
            traits=PROCESSORS["anything"], open_breakers=frozenset({"authorize", "refund"})
        )
    }
    choice = choose([rule("a", "anything")], facts(), places)

    assert (
        ("anything",),
        "Is tried first; its breaker for authorize is open, so it is passed over for now",
    ) == (choice.processors, choice.steps[1].text)


def test_a_nonce_goes_to_one_processor() -> None:
    """It names a card to the one whose script made it, and to nobody else."""
    choice = choose(
        [rule("a", "anything", "nonces", "cards")],
        facts(is_nonce=True, currency="USD"),
        PLACES,
    )

    assert ("nonces",) == choice.processors
    assert "A nonce is good at one processor alone, and that is nonces" == choice.steps[-1].text


def test_a_saved_card_goes_to_who_keeps_it() -> None:
    """Rules do not matter, and there is no substitute."""
    kept = choose_for_token("cards", facts(currency="USD"), PLACES["cards"])
    gone = choose_for_token("gone", facts(), None)

    assert (("cards",), ()) == (kept.processors, gone.processors)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount_min": 5}, "amount_min"),
        ({"amount_max": 5, "currencies": {"INR", "USD"}}, "amount_max"),
        ({"amount_min": 6, "amount_max": 5, "currencies": {"INR"}}, "amount_max"),
        ({"card_networks": {"visa"}, "methods": {"upi"}}, "card_networks"),
        ({"processors": ("anything", "anything")}, "processors"),
        ({"processors": ("gone",)}, "processors"),
        ({"processors": ("live",)}, "processors"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, Any], field: str) -> None:
    """The field at fault is named."""
    values = {name: frozenset(it) if isinstance(it, set) else it for name, it in wrong.items()}
    made = Rule(**{"id": "a", "position": 1, "name": "a", "processors": ("anything",), **values})
    with pytest.raises(InvalidRequest) as refusal:
        check_rule(made, "test", PROCESSORS)

    assert [field] == [each.field for each in refusal.value.errors]


def test_a_rule_can_be_changed_whose_processor_is_gone() -> None:
    """It may name what it named before, and nothing else that is not there."""
    before = rule("a", "gone", "anything")
    check_rule(replace(before, active=False), "test", PROCESSORS, before)
    with pytest.raises(InvalidRequest, match="lost is no processor"):
        check_rule(replace(before, processors=("gone", "lost")), "test", PROCESSORS, before)


subsets = {
    "currencies": st.frozensets(st.sampled_from(CURRENCIES), max_size=2),
    "methods": st.frozensets(st.sampled_from(METHODS), max_size=2),
    "card_networks": st.frozensets(st.sampled_from(NETWORKS), max_size=1),
}
names = st.sampled_from([*PROCESSORS, "gone"])


@st.composite
def some_rules(draw: st.DrawFn) -> list[Rule]:
    """Up to six rules in any order of positions."""
    count = draw(st.integers(0, 6))
    positions = draw(st.permutations(range(1, count + 1)))
    return [
        rule(
            f"rule_{position}",
            *draw(st.lists(names, min_size=1, max_size=4, unique=True)),
            position=position,
            active=draw(st.booleans()),
            amount_min=draw(st.none() | st.integers(1, 9_000)),
            **{name: draw(subset) for name, subset in subsets.items()},
        )
        for position in positions
    ]


payments = st.builds(
    Facts,
    mode=st.sampled_from(["test", "live"]),
    amount=st.integers(100, 10_000),
    currency=st.sampled_from(CURRENCIES),
    method=st.sampled_from(METHODS),
    card_network=st.none() | st.sampled_from(NETWORKS),
    is_nonce=st.booleans(),
    saves=st.booleans(),
)
places_there = st.frozensets(st.sampled_from(sorted(PROCESSORS))).map(
    lambda there: {name: PLACES[name] for name in there}
)


@given(rules=some_rules(), payment=payments, places=places_there, random=st.randoms())
def test_whatever_the_rules_say(
    rules: list[Rule], payment: Facts, places: Mapping[str, Place], random: Any
) -> None:
    """The same question has the same answer; only those that take the payment are chosen, in the
    rule's order, each once; and every rule is explained."""
    choice = choose(rules, payment, places)
    shuffled = list(rules)
    random.shuffle(shuffled)

    assert choice == choose(shuffled, payment, dict(reversed(places.items())))
    assert {each.id for each in rules} == {each.rule_id for each in choice.steps} - {None}
    assert all(each.text for each in choice.steps)
    for name in choice.processors:
        takes = places[name].traits
        assert payment.mode in takes.modes
        assert takes.shared_account
        assert takes.currencies is None or payment.currency in takes.currencies
        assert takes.methods is None or payment.method in takes.methods
        assert takes.accepts_nonces or not payment.is_nonce
        assert takes.stores_instruments or not payment.saves
        assert (payment.mode, name) != ("live", "simulator")
    named = ("simulator",) if choice.rule is None else choice.rule.processors
    assert list(choice.processors) == [name for name in named if name in choice.processors]
    if choice.rule is None:
        assert payment.mode == "test" or choice.processors == ()
    if payment.is_nonce:
        assert len(choice.processors) <= 1
