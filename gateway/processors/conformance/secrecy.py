"""Nothing that a processor answers, raises, logs or prints has card data in it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import re
import traceback
from collections.abc import Iterator
from dataclasses import replace

from gateway.domain.instruments import CardData
from gateway.domain.outcomes import Transaction
from gateway.processors.conformance.bench import Bench, require

__all__ = ["SecrecyChecks"]

_LINE_NUMBER = re.compile(r"line \d+")


class SecrecyChecks(Bench):
    """Card data is in memory and sealed, nowhere else."""

    async def test_card_data_is_told_nowhere(self) -> None:
        """Approved, declined, of no sensible amount, unanswered, or after the close."""
        card = self.approved().card
        if card is None:
            self._skip("approved() pays with no card")
        kind = self.payment_kind()
        approved, declined = self.approved(), self.declined()
        with _heard() as heard:
            for payment in (approved, declined, replace(self.approved(), amount=0)):
                await self._tell(replace(payment, kind=kind), heard)
            stall = self.stalled()
            if stall is not None:
                async with stall:
                    await self._tell(replace(self.approved(), kind=kind), heard)
            await self.processor.close()
            await self._tell(replace(self.approved(), kind=kind), heard)
        for paid in (card, declined.card):
            if paid is not None:
                _require_hidden(paid, _LINE_NUMBER.sub("", heard.getvalue()))

    async def _tell(self, transaction: Transaction, heard: io.StringIO) -> None:
        """Do it and ask about it; what is answered or raised is written down."""
        asked = replace(transaction, card=None)
        methods = ((getattr(self.processor, transaction.kind), transaction),)
        for method, sent in (*methods, (self.processor.lookup, asked)):
            try:
                async with asyncio.timeout(self.processor.traits.timeout_seconds):
                    heard.write(f"{await method(sent)!r}\n")
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not tell
                heard.write(f"{error!r}\n{''.join(traceback.format_exception(error))}\n")


@contextlib.contextmanager
def _heard() -> Iterator[io.StringIO]:
    """What is logged at any level, and printed, meanwhile."""
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            yield heard
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def _require_hidden(card: CardData, told: str) -> None:
    where = "is in what the processor answers, raises, logs or prints"
    for written in (card.number, " ".join(_fours(card.number)), "-".join(_fours(card.number))):
        require(written not in told, f"a card number {where}")
    # Three digits alone happen by chance within ids, times and numbers.
    alone = rf"(?<![0-9A-Za-z.]){re.escape(card.cvv)}(?![0-9A-Za-z])"
    require(not card.cvv or re.search(alone, told) is None, f"a CVV {where}")


def _fours(number: str) -> list[str]:
    return [number[start : start + 4] for start in range(0, len(number), 4)]
