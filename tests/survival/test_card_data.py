"""P8: a card's number and CVV are found nowhere, whatever fails on the way of its payment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.survival.books import until_quiet
from tests.survival.gateway_process import KEY_HEADERS

NUMBER = "4000 0566 5566 5556"
DIGITS = NUMBER.replace(" ", "")
CVV = "941"
CARD = {"number": NUMBER, "cvv": CVV, "expiry_month": 12, "expiry_year": 2039}
# As typed, as digits, and as the last twelve digits, which no mask ever shows; the CVV by its name.
TRACES = (
    NUMBER.encode(),
    DIGITS.encode(),
    DIGITS[-12:].encode(),
    *(f"cvv{between}{CVV}".encode() for between in ('":"', '": "', "=", "='", "': '", ": ")),
)


def _traces(folder: Path) -> list[str]:
    """Files that hold a trace of the card."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_socket():
            content = path.read_bytes()
            found += [f"{path}: {trace!r}" for trace in TRACES if trace in content]
    return found


@pytest.mark.parametrize(
    "point",
    [
        None,
        "journal.before_commit",
        "journal.during_commit",
        "journal.after_commit",
        "enqueuer.before_send",
        "processor.after_call",
    ],
)
async def test_card_is_found_nowhere(gateway, session, merchant, database, tmp_path, point):
    """A failure raised at every step of a card payment leaves no trace of number or CVV.

    The card is saved with it, and charged once more by its token.
    """
    _, customer = await merchant.post("/api/v1/customers", {})
    asked = {"amount": 50_000, "currency": "INR", "customer_id": customer["id"]}
    _, order = await merchant.post("/api/v1/orders", asked)
    _, again = await merchant.post("/api/v1/orders", asked)
    if point is not None:
        await gateway.arm(session, point, "raise")
    body = {"order_id": order["id"], "method": "card", "card": CARD, "save": True}
    answers = []
    for _ in range(3):
        async with session.post(
            f"{gateway.url}/api/v1/payments",
            json=body,
            headers=KEY_HEADERS,
        ) as response:
            answers.append(await response.read())
            if response.status == 201:
                break
    await until_quiet(database)
    token_id = await database.fetchval("SELECT token_id FROM payments WHERE status = 'success'")
    assert token_id is not None
    body = {"order_id": again["id"], "method": "token", "token_id": token_id}
    assert 201 == (await merchant.post("/api/v1/payments", body))[0]
    await until_quiet(database)
    assert 2 == await database.fetchval("SELECT count(*) FROM payments WHERE status = 'success'")
    assert 1 == await database.fetchval("SELECT count(*) FROM simulator_cards")
    await database.execute("CHECKPOINT")

    assert not any(trace in answer for answer in answers for trace in TRACES)
    assert [] == _traces(tmp_path)
    assert 0 == await database.fetchval(
        "SELECT count(*) FROM payments WHERE payments::text LIKE '%' || $1 || '%'", DIGITS[-9:]
    )


async def test_invalid_cards_are_not_echoed(gateway, session, tmp_path):
    """A refused card request shows up neither in its answer nor in the log."""
    bodies = [
        {"order_id": "order_x", "method": "card", "card": {**CARD, "cvv": "94l"}},
        {"order_id": "order_x", "method": "card", "card": {**CARD, "extra": NUMBER}},
        {"order_id": "order_x", "method": "card", "card": [NUMBER, CVV]},
        {"order_id": NUMBER, "method": "card", "card_number": NUMBER, "card_cvv": CVV},
    ]
    for body in bodies:
        async with session.post(
            f"{gateway.url}/api/v1/payments",
            json=body,
            headers=KEY_HEADERS,
        ) as response:
            answer = await response.read()
        assert 400 <= response.status < 500
        assert not any(trace in answer for trace in TRACES)

    assert [] == _traces(tmp_path)
