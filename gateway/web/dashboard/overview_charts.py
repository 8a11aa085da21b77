"""The charts of the overview: what each bar and each point of it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.storage.reads_dashboard_overview import PaymentSums, RefundSums
from gateway.web.dashboard.charts import Chart, Frame, Part, bar_chart, line_chart
from gateway.web.dashboard.ranges import Range
from gateway.web.dashboard.writing import Writer

__all__ = ["METHOD_NAMES", "PER_MILLE", "charts_of", "per_cent"]

METHOD_NAMES: Mapping[str, str] = {
    "upi": "UPI",
    "card": "Card",
    "netbanking": "Netbanking",
    "wallet": "Wallet",
}
"""What the methods are called."""
PER_MILLE = 1000
"""All of something, as rates count it."""

_TONES: Mapping[str, str] = {"upi": "a", "card": "b", "netbanking": "c", "wallet": "d"}
_OTHER_TONE = "e"


def charts_of(
    payments: Sequence[PaymentSums],
    refunds: Sequence[RefundSums],
    shown: Range,
    writer: Writer,
    currency: str,
) -> Mapping[str, Chart]:
    """Volume, payments by outcome, success rate, refunds: of sums in one currency."""
    drawn = _Drawing(shown, writer, currency)
    return {
        "volume": drawn.volume(payments),
        "payments": drawn.outcomes(payments),
        "rate": drawn.rate(payments),
        "refunds": drawn.refunds(refunds),
    }


def per_cent(per_mille: int) -> str:
    """With one digit after the point."""
    return f"{per_mille // 10}.{per_mille % 10}%"


class _Drawing:
    """What the charts of one range share."""

    def __init__(self, shown: Range, writer: Writer, currency: str) -> None:
        self._bars = len(shown.edges) - 1
        self._labels = _labels(shown, writer)
        self._when = f"by {shown.unit}, {self._labels[0]} to {self._labels[-1]}"
        self._writer = writer
        self._currency = currency

    def volume(self, payments: Sequence[PaymentSums]) -> Chart:
        """What was approved, by method."""
        present = {each.method for each in payments}
        methods = [name for name in METHOD_NAMES if name in present]
        methods += sorted(present - METHOD_NAMES.keys())
        parts = [
            Part(
                name=METHOD_NAMES.get(method, method),
                tone=_TONES.get(method, _OTHER_TONE),
                values=self._sums("amount", (each for each in payments if each.method == method)),
            )
            for method in methods
        ]
        nothing = Part(name="Volume", tone="a", values=[0] * self._bars)
        frame = self._money("volume", "Volume", "Approved payments")
        return bar_chart(frame, parts or [nothing])

    def outcomes(self, payments: Sequence[PaymentSums]) -> Chart:
        """How many were approved, failed, or neither."""
        succeeded, failed = self._sums("succeeded", payments), self._sums("failed", payments)
        counts = zip(self._sums("payments", payments), succeeded, failed, strict=True)
        others = [count - good - bad for count, good, bad in counts]
        frame = self._frame("payments", "Payments", "Payments by outcome")
        parts = [
            Part(name="Approved", tone="good", values=succeeded),
            Part(name="Failed", tone="bad", values=failed),
            Part(name="Other", tone="none", values=others),
        ]
        return bar_chart(frame, parts)

    def rate(self, payments: Sequence[PaymentSums]) -> Chart:
        """The share of those approved among those that have an outcome."""
        outcomes = zip(
            self._sums("succeeded", payments), self._sums("failed", payments), strict=True
        )
        rates = [good * PER_MILLE // (good + bad) if good + bad else None for good, bad in outcomes]
        frame = Frame(
            id="chart-rate",
            title="Success rate",
            description=f"Share of the payments that were approved {self._when}.",
            labels=self._labels,
            write=per_cent,
            write_short=lambda value: f"{value // 10}%",
        )
        return line_chart(frame, rates, PER_MILLE)

    def refunds(self, refunds: Sequence[RefundSums]) -> Chart:
        """What was given back."""
        part = Part(name="Refunds", tone=_OTHER_TONE, values=self._sums("amount", refunds))
        return bar_chart(self._money("refunds", "Refunds", "Refunds"), [part])

    def _sums(self, field: str, sums: Iterable[Any]) -> list[int]:
        values = [0] * self._bars
        for each in sums:
            for bar, value in zip(each.bars, getattr(each, field), strict=True):
                values[bar] += value
        return values

    def _frame(self, name: str, title: str, what: str) -> Frame:
        return Frame(
            id=f"chart-{name}",
            title=title,
            description=f"{what} {self._when}.",
            labels=self._labels,
            write=self._writer.number,
            write_short=self._writer.number,
        )

    def _money(self, name: str, title: str, what: str) -> Frame:
        return Frame(
            id=f"chart-{name}",
            title=title,
            description=f"{what} in {self._currency} {self._when}.",
            labels=self._labels,
            write=lambda value: self._writer.amount(value, self._currency),
            write_short=lambda value: self._writer.short_amount(value, self._currency),
        )


def _labels(shown: Range, writer: Writer) -> Sequence[str]:
    """What each bar is called: a day, or the hour it begins at."""
    beginnings = [edge.astimezone(writer.zone) for edge in shown.edges[:-1]]
    if shown.unit == "day":
        return [writer.short_day(each.date()) for each in beginnings]
    if shown.key == "24h":
        return [writer.clock(each) for each in beginnings]
    return [f"{writer.short_day(each.date())}, {writer.clock(each)}" for each in beginnings]
