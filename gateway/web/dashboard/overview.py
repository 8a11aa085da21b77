"""`GET /dashboard`: how business goes, in one currency at a time, and how the webhooks do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from gateway.domain.errors import InvalidRequest
from gateway.storage.reads_dashboard_overview import (
    Overview,
    PaymentSums,
    load_overview,
    load_webhook_health,
)
from gateway.web.calls import call_of
from gateway.web.dashboard.charts import NOTHING
from gateway.web.dashboard.credentials import credentials_of
from gateway.web.dashboard.frame import dashboard_response
from gateway.web.dashboard.overview_charts import METHOD_NAMES, PER_MILLE, charts_of, per_cent
from gateway.web.dashboard.ranges import RANGES, Range, range_of
from gateway.web.dashboard.writing import Writer, writer_of

__all__ = ["rate", "show_overview"]

_FAILURES_MAX = 6
_CURRENCY_USUAL = "INR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Payments of one method, or in one currency; `share` of the payments in per cent."""

    name: str
    payments: int
    rate: str
    amount: str
    share: int


async def show_overview(request: web.Request) -> web.Response:
    """The figures of a range, and the merchant's credentials."""
    call = call_of(request)
    services, member = call.services, call.member
    settings, now, writer = services.settings, services.clock.now(), writer_of(request)
    shown = range_of(request, now, writer.zone, days_max=settings.dashboard_range_days_max)
    async with services.reading_pool.acquire() as connection:
        overview = await load_overview(connection, member.scope, shown.edges)
        health = await load_webhook_health(connection, member.scope, now)
        credentials = await credentials_of(connection, call)
    context = {
        "credentials": credentials,
        "health": health,
        "health_rate": rate(health.succeeded, health.succeeded + health.failed),
        "range": shown,
        "ranges": RANGES,
        "write": writer,
        "is_current": overview.is_current,
        "now": now,
        **_figures(request, overview, shown, writer),
    }
    return dashboard_response(request, "dashboard/overview.html", context, active="overview")


def rate(part: int, whole: int) -> str:
    """The share in per cent with one digit, rounded down: 100 % is only what is all."""
    if whole <= 0:
        return NOTHING
    per_mille = part * PER_MILLE // whole
    return per_cent(per_mille)


def _figures(
    request: web.Request, overview: Overview, shown: Range, writer: Writer
) -> Mapping[str, Any]:
    """What the template shows of the sums, in the chosen currency."""
    currencies = _currencies(overview)
    currency = _chosen_currency(request, currencies)
    payments = [each for each in overview.payments if each.currency == currency]
    refunds = [each for each in overview.refunds if each.currency == currency]
    count, succeeded, failed = _totals(payments)
    failures = sum(each.payments for each in overview.failures)
    return {
        "currency": currency,
        "currencies": currencies,
        "total_transactions": writer.number(count),
        "total_amount": writer.amount(sum(sum(each.amount) for each in payments), currency),
        "succeeded": writer.number(succeeded),
        "failed": writer.number(failed),
        "success_rate": rate(succeeded, succeeded + failed),
        "refunded": writer.amount(sum(sum(each.amount) for each in refunds), currency),
        "refunds": writer.number(sum(sum(each.refunds) for each in refunds)),
        "charts": charts_of(payments, refunds, shown, writer, currency),
        "methods": _groups(payments, "method", writer, METHOD_NAMES),
        "by_currency": _groups(overview.payments, "currency", writer, {}),
        "failures": [
            (
                each.reason.replace("_", " "),
                writer.number(each.payments),
                rate(each.payments, failures),
                each.payments * 100 // max(1, overview.failures[0].payments),
            )
            for each in overview.failures[:_FAILURES_MAX]
        ],
    }


def _currencies(overview: Overview) -> Sequence[str]:
    """Those that there were payments or refunds in, most payments first."""
    counts: Counter[str] = Counter()
    for payment in overview.payments:
        counts[payment.currency] += sum(payment.payments)
    for refund in overview.refunds:
        counts[refund.currency] += 0
    return sorted(counts, key=lambda code: (-counts[code], code))


def _chosen_currency(request: web.Request, currencies: Sequence[str]) -> str:
    chosen = request.query.get("currency")
    if not chosen:
        return currencies[0] if currencies else _CURRENCY_USUAL
    if len(chosen) != len(_CURRENCY_USUAL) or not (chosen.isascii() and chosen.isupper()):
        raise InvalidRequest("currency must be an ISO 4217 code", field="currency")
    if chosen in currencies:
        return chosen
    return currencies[0] if currencies else _CURRENCY_USUAL


def _totals(sums: Iterable[PaymentSums]) -> tuple[int, int, int]:
    """Payments, those that were approved, those that failed."""
    count = succeeded = failed = 0
    for each in sums:
        count += sum(each.payments)
        succeeded += sum(each.succeeded)
        failed += sum(each.failed)
    return count, succeeded, failed


def _groups(
    sums: Sequence[PaymentSums], by: str, writer: Writer, names: Mapping[str, str]
) -> Sequence[Group]:
    """The payments by method, or by currency; each sum in its own currency, none across them."""
    grouped: dict[str, list[PaymentSums]] = {}
    for each in sums:
        grouped.setdefault(getattr(each, by), []).append(each)
    most = max((_totals(each)[0] for each in grouped.values()), default=1)
    found = []
    for key, members in grouped.items():
        count, succeeded, failed = _totals(members)
        amount = sum(sum(each.amount) for each in members)
        group = Group(
            name=names.get(key, key),
            payments=count,
            rate=rate(succeeded, succeeded + failed),
            amount=writer.amount(amount, members[0].currency),
            share=count * 100 // max(1, most),
        )
        found.append(group)
    return sorted(found, key=lambda group: (-group.payments, group.name))
