"""What a merchant pays, said by the operator."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.cli.conftest import Run


def _plans(url: str) -> list[Any]:
    async def work() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch("SELECT * FROM fee_plans")
        finally:
            await connection.close()

    return asyncio.run(work())


def test_a_plan_is_set_and_replaced(run: Run, settings: dict[str, str]) -> None:
    """One plan a currency; the last word counts, and the audit log knows of it."""
    made = run("merchant", "create", "--name", "Shop", "--email", "fees@example.com")
    merchant_id = made.output.split()[1]
    for points in ("250", "200"):
        result = run(
            *("merchant", "fees", merchant_id, "--currency", "INR"),
            *("--basis-points", points, "--fixed", "300", "--tax-basis-points", "1800"),
        )
        assert 0 == result.exit_code, result.output

    (plan,) = _plans(settings["DATABASE_URL"])
    numbers = (plan["basis_points"], plan["fixed"], plan["tax_basis_points"])
    assert (merchant_id, "INR", (200, 300, 1_800)) == (
        str(plan["merchant_id"]),
        plan["currency"],
        numbers,
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--currency", "INR", "--basis-points", "10001"], "10001 is not in the range"),
        (["--currency", "XXX", "--basis-points", "1"], "currency must be an ISO 4217 code"),
        (["--currency", "INR", "--basis-points", "1"], "There is no such merchant"),
    ],
)
@pytest.mark.usefixtures("settings")
def test_what_cannot_be_is_refused(run: Run, options: list[str], complaint: str) -> None:
    """In a sentence, and nothing is changed."""
    result = run("merchant", "fees", str(uuid4()), *options)

    assert 0 != result.exit_code
    assert complaint in result.output
