"""Generated orders, payments and refunds for measuring pages: made in Postgres, the same each time.

A merchant's traffic over ninety days: four methods, mostly rupees, nine of ten approved, some
captured later, some refunded. What differs between rows comes from a hash of their number.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

__all__ = ["DAYS", "fill"]

DAYS = 90
_SLICE = 100_000

# One payment an order, so that `payments_one_alive_per_order` has nothing against it. Rows are
# inserted in the order of their times, as they would have come.
_NUMBERS = """
SELECT n, md5('{kind}' || n) || md5('{kind}' || -n) AS hash,
       hashint4(n) & 2147483647 AS chance, $3::timestamptz - $4::bigint * (
           interval '{days} days' / $4::bigint) + (n * (interval '{days} days' / $4::bigint)) AS at
FROM generate_series($1::integer, $2::integer) AS n
"""

_ORDERS = """
INSERT INTO orders (id, merchant_id, mode, amount, amount_paid, currency, receipt, status, capture,
                    attempts, version, last_unit_id, created_at, updated_at)
SELECT 'order_' || substr(hash, 1, 16), $5::uuid, $6::text, amount,
       CASE WHEN chance % 10 > 0 THEN amount ELSE 0 END,
       CASE WHEN chance % 20 = 1 THEN 'USD' ELSE 'INR' END, 'receipt-' || n,
       CASE WHEN chance % 10 > 0 THEN 'paid' ELSE 'attempted' END, 'automatic', 1, 5,
       '00000000-0000-0000-0000-000000000000', at, at
FROM (SELECT *, (chance % 5000 + 1) * 100 AS amount FROM ({numbers}) AS numbered) AS made
"""

_PAYMENTS = """
INSERT INTO payments (id, order_id, merchant_id, mode, amount, currency, method, vpa, bank, wallet,
                      card_network, card_last4, card_expiry_month, card_expiry_year, payer_name,
                      payer_email, capture, status, amount_authorized, amount_captured, processor,
                      processor_reference, error_code, error_description, error_reason, created_at,
                      updated_at)
SELECT 'pay_' || substr(hash, 1, 16), 'order_' || substr(hash, 1, 16), $5::uuid, $6::text, amount,
       CASE WHEN chance % 20 = 1 THEN 'USD' ELSE 'INR' END, method,
       CASE method WHEN 'upi' THEN 'shopper' || chance % 9000 || '@bank' END,
       CASE method WHEN 'netbanking' THEN 'HDFC' END, CASE method WHEN 'wallet' THEN 'paytm' END,
       CASE method WHEN 'card' THEN 'visa' END,
       CASE method WHEN 'card' THEN lpad((chance % 10000)::text, 4, '0') END,
       CASE method WHEN 'card' THEN 12 END, CASE method WHEN 'card' THEN 2031 END,
       'Shopper ' || chance % 50000,
       CASE WHEN chance % 2 = 0 THEN 'shopper' || chance % 50000 || '@example.com' END,
       'automatic', status, CASE status WHEN 'success' THEN amount ELSE 0 END,
       CASE status WHEN 'success' THEN amount ELSE 0 END, 'simulator', 'ref_' || n,
       CASE status WHEN 'failed' THEN 'PAYMENT_FAILED' END,
       CASE status WHEN 'failed' THEN 'Payment processing failed' END,
       CASE status WHEN 'failed' THEN
           (array['insufficient_funds', 'card_declined', 'bank_unavailable'])[chance / 10 % 3 + 1]
       END, at, at + interval '2 seconds'
FROM (SELECT *, (chance % 5000 + 1) * 100 AS amount,
             (array['upi', 'upi', 'upi', 'card', 'card', 'netbanking', 'wallet'])
                 [chance / 7 % 7 + 1] AS method,
             CASE WHEN chance % 10 > 0 THEN 'success' ELSE 'failed' END AS status
      FROM ({numbers}) AS numbered) AS made
"""

_REFUNDS = """
INSERT INTO refunds (id, payment_id, order_id, merchant_id, mode, amount, currency, status,
                     created_at, updated_at, processed_at)
SELECT 'rfnd_' || substr(hash, 1, 16), 'pay_' || substr(hash, 1, 16),
       'order_' || substr(hash, 1, 16), $5::uuid, $6::text, 100,
       CASE WHEN chance % 20 = 1 THEN 'USD' ELSE 'INR' END, 'processed', at, at, at
FROM ({numbers}) AS made WHERE chance % 20 = 1
"""

_EVENTS = """
INSERT INTO events (id, merchant_id, mode, type, order_id, payment_id, body, created_at)
SELECT 'evt_' || substr(hash, 1, 16), $5::uuid, $6::text, 'payment.success',
       'order_' || substr(hash, 1, 16), 'pay_' || substr(hash, 1, 16),
       convert_to(repeat(hash, 10), 'UTF8'), at
FROM ({numbers}) AS made
"""


async def fill(
    connection: asyncpg.Connection[asyncpg.Record],
    *,
    merchant_id: UUID,
    mode: str,
    payments: int,
    until: datetime,
) -> None:
    """Insert `payments` payments with orders, refunds and events, the last one at `until`."""
    for first in range(1, payments + 1, _SLICE):
        last = min(payments, first + _SLICE - 1)
        for statement in (_ORDERS, _PAYMENTS, _REFUNDS, _EVENTS):
            numbers = _NUMBERS.format(kind=mode, days=DAYS)
            await connection.execute(
                statement.format(numbers=numbers), first, last, until, payments, merchant_id, mode
            )
    # Their times lie before what the summariser has seen already. It may be at work, and would
    # write over what it finds changed.
    async with connection.transaction():
        await connection.execute("LOCK TABLE summary_state")
        await connection.execute("UPDATE summary_state SET settled_until = 'epoch'")
    for table in ("orders", "payments", "refunds", "events"):
        await connection.execute(f"VACUUM (ANALYZE) {table}")
