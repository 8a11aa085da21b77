"""What a database remembers about the gateway it belongs to."""

from __future__ import annotations

from gateway.storage.journal import Connection

__all__ = ["known_check_value", "remember_check_value"]

_KNOWN = "SELECT value FROM gateway_state WHERE name = 'encryption_key'"
_REMEMBER = """
INSERT INTO gateway_state AS kept (name, value) VALUES ('encryption_key', $1)
ON CONFLICT (name) DO UPDATE SET value = kept.value RETURNING value
"""


async def known_check_value(connection: Connection) -> bytes | None:
    """The check value of the key that sealed this database; None while nothing was sealed."""
    found: bytes | None = await connection.fetchval(_KNOWN)
    return found


async def remember_check_value(connection: Connection, check_value: bytes) -> bytes:
    """Bind the database to a key, unless it is bound already; the value that counts."""
    kept: bytes = await connection.fetchval(_REMEMBER, check_value)
    return kept
