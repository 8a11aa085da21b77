"""The processors: what each takes, under whose account, and how payments do there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from gateway.actors.breakers import BreakerView
from gateway.domain.outcomes import ProcessorTraits
from gateway.domain.routing import Place, unusable
from gateway.storage.processor_accounts import ProcessorAccount, list_accounts
from gateway.storage.processor_sums import ProcessorSum, load_processor_sums
from gateway.storage.reads_dashboard_query import searching
from gateway.storage.spans import SPANS_MINUTES, begin_of
from gateway.web.calls import call_of
from gateway.web.dashboard.frame import dashboard_response
from gateway.web.dashboard.writing import Writer, writer_of
from gateway.web.routing_changes import places_of

__all__ = ["PATH", "show_processors"]

PATH = "/dashboard/processors"
"""Where the page is."""

# How long ago each period begins, shortest first.
_PERIODS: Mapping[str, timedelta] = {
    "24 hours": timedelta(hours=24),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
}
_METHOD_NAMES: Mapping[str, str] = {
    "upi": "UPI",
    "card": "cards",
    "netbanking": "netbanking",
    "wallet": "wallets",
}
_CURRENCIES_SHOWN = 8
_REASONS_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """How payments of one period did; `rate` in tenths of a percent, None before any has ended."""

    period: str
    payments: int
    failed: int
    not_reached: int
    rate: int | None


async def show_processors(request: web.Request) -> web.Response:
    """`GET /dashboard/processors`."""
    call = call_of(request)
    services, scope = call.services, call.member.scope
    now = services.clock.now()
    async with searching(services.reading_pool) as connection:
        accounts = await list_accounts(connection, scope, services.settings.processor_accounts_max)
        bars = await load_processor_sums(connection, scope, _edges(now))
    writer = writer_of(request)
    context = {
        "write": writer,
        "processors": [
            _shown(
                place,
                mode=scope.mode,
                accounts=accounts,
                periods=_periods(bars, name),
                breakers=services.breakers(),
                writer=writer,
            )
            for name, place in sorted(places_of(services, scope).items())
            if scope.mode in place.traits.modes
        ],
        "accounts_left": services.settings.processor_accounts_max - len(accounts),
        "interval_seconds": round(services.settings.summary_seconds),
    }
    return dashboard_response(request, "dashboard/processors.html", context, active="processors")


def _edges(now: datetime) -> Sequence[datetime]:
    """The bars between them are what the longer period has before the shorter one, and that."""
    quarter = SPANS_MINUTES[0]
    begins = [begin_of(now - ago, quarter) for ago in reversed([*_PERIODS.values()])]
    return [*begins, begin_of(now, quarter) + timedelta(minutes=quarter)]


def _periods(
    bars: Sequence[Mapping[str, ProcessorSum]], processor: str
) -> Mapping[str, ProcessorSum]:
    """The processor's sums over each period: those of the shorter one are part of the longer."""
    periods = {}
    total = ProcessorSum()
    for period, bar in zip(_PERIODS, reversed(bars), strict=True):
        added = ProcessorSum()
        added.add(total)
        added.add(bar.get(processor, ProcessorSum()))
        periods[period] = total = added
    return periods


def _shown(
    place: Place,
    *,
    mode: str,
    accounts: Sequence[ProcessorAccount],
    periods: Mapping[str, ProcessorSum],
    breakers: Sequence[BreakerView],
    writer: Writer,
) -> Mapping[str, Any]:
    traits = place.traits
    own = [account for account in accounts if account.processor == traits.name]
    own.sort(key=lambda account: not account.active)
    active = next((account for account in own if account.active), None)
    *_, longest = periods.values()
    return {
        "name": traits.name,
        "problem": unusable(place, mode),
        "shared": traits.shared_account,
        "active": active,
        "accounts": own,
        "takes_credentials": bool(traits.credentials),
        "labels": {credential.name: credential.label for credential in traits.credentials},
        "takes": _takes(traits),
        "can": ", ".join(_abilities(traits)) or "one capture of the whole amount",
        # Those of the account that new payments go to: other merchants' are not for their eyes.
        "breakers": [
            each
            for each in breakers
            if each.key.processor == traits.name
            and each.key.account == (None if active is None else str(active.id))
        ],
        "lines": [_line(period, each) for period, each in periods.items()],
        "reasons": [
            (reason.replace("_", " "), writer.number(count))
            for reason, count in longest.reasons.most_common(_REASONS_SHOWN)
        ],
    }


def _takes(traits: ProcessorTraits) -> str:
    methods = "all methods"
    if traits.methods is not None:
        methods = ", ".join(_METHOD_NAMES.get(each, each) for each in sorted(traits.methods))
    currencies = "all currencies"
    if traits.currencies is not None:
        named = sorted(traits.currencies)
        more = len(named) - _CURRENCIES_SHOWN
        currencies = ", ".join(named[:_CURRENCIES_SHOWN])
        if more > 0:
            currencies += f" and {more} more"
    return f"{methods[:1].upper()}{methods[1:]}, in {currencies}"


def _abilities(traits: ProcessorTraits) -> Iterator[str]:
    if traits.partial_capture:
        yield "partial captures"
    if traits.multiple_captures:
        yield "several captures of a payment"
    if traits.stores_instruments:
        yield "saved cards"
    if traits.accepts_nonces:
        yield "nonces"


def _line(period: str, summed: ProcessorSum) -> _Line:
    ended = summed.succeeded + summed.failed
    return _Line(
        period=period,
        payments=summed.payments,
        failed=summed.failed,
        not_reached=summed.not_reached,
        rate=summed.succeeded * 1000 // ended if ended else None,
    )
