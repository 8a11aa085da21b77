"""Which processors a payment goes to: a merchant's rules, tried in order, with their reasons.

The first rule that fits a payment and has a processor that takes it decides; the processors after
the first are tried when it surely did not charge. Where no rule fits, test keys use the simulated
bank and live keys are refused: money goes nowhere that its merchant did not choose.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.domain.errors import FieldError, InvalidRequest, InvalidState
from gateway.domain.evolution import directly_made
from gateway.domain.outcomes import ProcessorTraits

__all__ = [
    "Choice",
    "Facts",
    "Place",
    "Rule",
    "Step",
    "check_rule",
    "choose",
    "choose_for_token",
    "demand",
    "obstacle",
    "unusable",
]

_SIMULATOR = "simulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Payments of a kind, and the processors for them: the first one, then its substitutes.

    An empty condition fits everything. `amount_min` and `amount_max` are in minor units of the
    rule's one currency, both included.
    """

    id: str
    position: int
    name: str
    currencies: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    card_networks: frozenset[str] = frozenset()
    amount_min: int | None = None
    amount_max: int | None = None
    processors: tuple[str, ...]
    active: bool = True


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a payment before it is made; `amount` in minor units.

    `card_network` is None for what is no card, and where the card is not known yet. `is_nonce`: a
    processor's one-time name stands in the card's place. `saves`: the card is to be kept.
    """

    mode: str
    amount: int
    currency: str
    method: str
    card_network: str | None = None
    is_nonce: bool = False
    saves: bool = False


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A processor that is there, as one merchant can use it in one mode.

    `has_account`: with an account of the merchant's own. `open_breakers` are the verbs for which
    calls fail at once at the moment.
    """

    traits: ProcessorTraits
    has_account: bool = False
    open_breakers: Collection[str] = ()


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One sentence of the explanation, about a rule (None: what happens without one), or about one
    of its processors. `taken`: the rule fits, or the processor is among the chosen.
    """

    rule_id: str | None
    processor: str | None = None
    taken: bool
    text: str


@directly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The processors in the order in which they are tried, none when there is none to be had.

    `rule` is the one that decided, None where no rule did. `steps` say why.
    """

    processors: tuple[str, ...] = ()
    rule: Rule | None = None
    steps: tuple[Step, ...] = ()


def choose(rules: Sequence[Rule], facts: Facts, places: Mapping[str, Place]) -> Choice:
    """The processors for a payment. `places` has those that are there, by name."""
    steps: list[Step] = []
    fitting: Rule | None = None
    processors: tuple[str, ...] = ()
    for rule in sorted(rules, key=lambda each: (each.position, each.id)):
        if processors and fitting is not None:
            text = f"Not looked at: {fitting.name} has decided"
            steps.append(Step(rule_id=rule.id, taken=False, text=text))
            continue
        misfits = "; ".join(_misfits(rule, facts))
        text = misfits or "Fits the payment"
        steps.append(Step(rule_id=rule.id, taken=not misfits, text=text))
        if not misfits:
            fitting = rule
            processors = _usable(rule, facts, places, steps)
    if fitting is None:
        processors = _default(facts, places, steps)
    rule_of_choice = fitting if processors else None
    return Choice(processors=processors, rule=rule_of_choice, steps=tuple(steps))


def choose_for_token(processor: str, facts: Facts, place: Place | None) -> Choice:
    """A kept card goes to the processor that keeps it, whatever the rules say."""
    problem = obstacle(place, facts)
    text = problem or "Keeps the card"
    step = Step(rule_id=None, processor=processor, taken=problem is None, text=text)
    return Choice(processors=() if problem else (processor,), steps=(step,))


def demand(choice: Choice) -> Choice:
    """The choice, if it has a processor. Raises InvalidState."""
    if not choice.processors:
        raise InvalidState("No processor configured", reason="no_processor")
    return choice


def obstacle(place: Place | None, facts: Facts) -> str | None:
    """Why the processor cannot take the payment; None when it can."""
    if place is None:
        return "Is not there: no processor of this name is installed and working"
    return "; ".join(_obstacles(place, facts)) or None


def _obstacles(place: Place, facts: Facts) -> Iterator[str]:
    traits = place.traits
    general = unusable(place, facts.mode)
    if general is not None:
        yield general
    if traits.currencies is not None and facts.currency not in traits.currencies:
        yield f"Does not take {facts.currency}"
    if traits.methods is not None and facts.method not in traits.methods:
        yield f"Does not take {facts.method} payments"
    if facts.is_nonce and not traits.accepts_nonces:
        yield "Takes no nonces"
    if facts.saves and not traits.stores_instruments:
        yield "Keeps no cards, and this one is to be kept"


def unusable(place: Place, mode: str) -> str | None:
    """Why the merchant can use the processor for no payment at all; None when it can."""
    traits = place.traits
    # The simulated bank's traits say so too; that no shopper is told of money that does not exist
    # must not hang on them.
    if mode not in traits.modes or (traits.name == _SIMULATOR and mode == "live"):
        return f"Takes no {mode} payments"
    if not traits.shared_account and not place.has_account:
        return "Needs credentials of the merchant's own, and there are none"
    return None


def check_rule(
    rule: Rule,
    mode: str,
    processors: Mapping[str, ProcessorTraits],
    before: Rule | None = None,
) -> None:
    """Raises InvalidRequest naming each field that makes no sense.

    What `before` named already may be gone: whoever switches a rule off need not mend it first.
    """
    errors = (*_mistakes(rule), *_strangers(rule, mode, processors, before))
    if errors:
        raise InvalidRequest(errors[0].description, field=errors[0].field, errors=errors)


def _mistakes(rule: Rule) -> Iterator[FieldError]:
    for name in ("amount_min", "amount_max"):
        if getattr(rule, name) is not None and len(rule.currencies) != 1:
            yield FieldError(name, f"{name} needs exactly one currency in currencies")
    low, high = rule.amount_min, rule.amount_max
    if low is not None and high is not None and low > high:
        yield FieldError("amount_max", "amount_max must be at least amount_min")
    if rule.card_networks and rule.methods and "card" not in rule.methods:
        yield FieldError("card_networks", "card_networks is for method card")
    if len(set(rule.processors)) != len(rule.processors):
        yield FieldError("processors", "processors must name each processor once")


def _strangers(
    rule: Rule, mode: str, processors: Mapping[str, ProcessorTraits], before: Rule | None
) -> Iterator[FieldError]:
    for name in rule.processors:
        if before is not None and name in before.processors:
            continue
        if name not in processors:
            known = ", ".join(sorted(processors))
            yield FieldError("processors", f"{name} is no processor; there are: {known}")
        elif mode not in processors[name].modes:
            yield FieldError("processors", f"{name} takes no {mode} payments")


def _misfits(rule: Rule, facts: Facts) -> Iterator[str]:
    """Why the rule does not fit the payment; nothing when it does."""
    if not rule.active:
        yield "Is switched off"
    if rule.currencies and facts.currency not in rule.currencies:
        yield f"Is for {_listed(rule.currencies)}, not {facts.currency}"
    if rule.methods and facts.method not in rule.methods:
        yield f"Is for method {_listed(rule.methods)}, not {facts.method}"
    if rule.card_networks and facts.card_network not in rule.card_networks:
        given = facts.card_network or "no card of a known network"
        yield f"Is for cards of {_listed(rule.card_networks)}; this is {given}"
    if facts.currency not in rule.currencies:
        return  # amounts are compared in the rule's own currency
    if rule.amount_min is not None and facts.amount < rule.amount_min:
        yield f"Is for amounts from {rule.amount_min}; {facts.amount} is less"
    if rule.amount_max is not None and facts.amount > rule.amount_max:
        yield f"Is for amounts up to {rule.amount_max}; {facts.amount} is more"


def _usable(
    rule: Rule, facts: Facts, places: Mapping[str, Place], steps: list[Step]
) -> tuple[str, ...]:
    chosen: list[str] = []
    for processor in rule.processors:
        problem = obstacle(places.get(processor), facts)
        if problem is None and chosen and facts.is_nonce:
            problem = f"A nonce is good at one processor alone, and that is {chosen[0]}"
        if problem is None:
            chosen.append(processor)
        text = problem or _taken(processor, len(chosen), places)
        steps.append(Step(rule_id=rule.id, processor=processor, taken=problem is None, text=text))
    if not chosen:
        text = "None of its processors takes the payment; only another rule that fits may decide"
        steps.append(Step(rule_id=rule.id, taken=False, text=text))
    return tuple(chosen)


def _taken(processor: str, number: int, places: Mapping[str, Place]) -> str:
    text = "Is tried first" if number == 1 else "Is tried when those before it surely did nothing"
    broken = sorted({"charge", "authorize"} & set(places[processor].open_breakers))
    if broken:
        text += f"; its breaker for {_listed(broken)} is open, so it is passed over for now"
    return text


def _default(facts: Facts, places: Mapping[str, Place], steps: list[Step]) -> tuple[str, ...]:
    """Where payments go that no rule fits."""
    if facts.mode != "test":
        text = "No rule fits, and live payments go nowhere without one"
        steps.append(Step(rule_id=None, taken=False, text=text))
        return ()
    problem = obstacle(places.get(_SIMULATOR), facts)
    text = problem or "No rule fits: test payments go to the simulated bank"
    steps.append(Step(rule_id=None, processor=_SIMULATOR, taken=problem is None, text=text))
    return () if problem else (_SIMULATOR,)


def _listed(names: Collection[str]) -> str:
    return " or ".join(sorted(names))
