"""API keys and webhook secrets: made once, shown once, kept as a keyed hash."""

from __future__ import annotations

import base64
import secrets
import string
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from gateway.security.vault import Vault

__all__ = [
    "ApiCredentials",
    "Mode",
    "hash_secret",
    "mode_of_key",
    "new_api_key",
    "new_webhook_secret",
    "secret_matches",
    "secret_proof",
]

Mode = Literal["test", "live"]

_ALPHABET = string.ascii_letters + string.digits
_KEY_ID_CHARACTERS = 16
_SECRET_CHARACTERS = 32  # 190 bits
_WEBHOOK_SECRET_BYTES = 32  # Standard Webhooks: 24 to 64
_PURPOSE = "api secret"
_NOBODYS_HASH = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiCredentials:
    """A new key with the secret that is shown to the merchant this once."""

    key_id: str
    secret: str = field(repr=False)


def new_api_key(mode: Mode) -> ApiCredentials:
    """A key and its secret from the system's cryptographic source."""
    return ApiCredentials(
        key_id=f"key_{mode}_{_random_characters(_KEY_ID_CHARACTERS)}",
        secret=f"secret_{mode}_{_random_characters(_SECRET_CHARACTERS)}",
    )


def mode_of_key(key_id: str) -> Mode | None:
    """The mode that a key's prefix names; None when it is no key of ours."""
    if key_id.startswith("key_test_"):
        return "test"
    return "live" if key_id.startswith("key_live_") else None


def hash_secret(vault: Vault, secret: str) -> bytes:
    """What is stored to authenticate with; 32 bytes that are worth nothing without our key."""
    return vault.keyed_hash(_PURPOSE, _octets(secret))


def secret_matches(vault: Vault, secret: str, stored_hash: bytes | None) -> bool:
    """Whether it is the secret, in a time that tells nothing.

    Pass None where there is no such key: the answer is False after the same work.
    """
    known = stored_hash is not None
    return vault.hash_matches(_PURPOSE, _octets(secret), stored_hash or _NOBODYS_HASH) and known


def secret_proof(secret: str, key: bytes) -> bytes:
    """What stands for a secret that was found right, in the memory of the process that made `key`.

    The stored hash takes three times as long to make, and most secrets come again within seconds.
    """
    return blake2b(_octets(secret), key=key).digest()


def new_webhook_secret() -> str:
    """`whsec_` and the base64 of 32 random bytes, as Standard Webhooks has it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_WEBHOOK_SECRET_BYTES)).decode()


def _octets(secret: str) -> bytes:
    """A header's stray bytes arrive as surrogates: a wrong secret, not an error."""
    return secret.encode("utf-8", "surrogatepass")


def _random_characters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))
