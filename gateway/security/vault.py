"""Values sealed at rest and hashed with a key, under keys that can be rotated.

A sealed value is version (1 byte), key id (4), nonce (12), ciphertext and tag (16): AES-256-GCM,
bound to the record it belongs to, so that it cannot be moved to another row. Each use of a key has
a sub key of its own (HKDF-SHA256). Nonces are random: rotate before 2^32 seals under one key
(NIST SP 800-38D, 8.3).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["SealBroken", "Vault", "new_key"]

_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_TAG_BYTES = 16
_VERSION = b"\x01"
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES
_SEALED_BYTES_MIN = _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES


class SealBroken(Exception):
    """The sealed value is damaged, belongs to another record, or its key is not among ours."""


def new_key() -> str:
    """A new random key, in base64, as `GATEWAY_ENCRYPTION_KEY` takes it."""
    return base64.b64encode(os.urandom(_KEY_BYTES)).decode()


class Vault:
    """Seals and opens small values, and hashes with a key.

    The first of `keys` (32 bytes, or their base64) is active; the others open and match what was
    made before a rotation. Raises ValueError for a key that is not one, for none or more than
    `keys_max`, and for one given twice; the message never holds a key.
    """

    def __init__(
        self, keys: Sequence[bytes | str], *, keys_max: int = 16, purposes_max: int = 64
    ) -> None:
        if not 1 <= len(keys) <= keys_max:
            raise ValueError(f"between 1 and {keys_max} encryption keys are needed")
        self._keys = tuple(_Key(_key_bytes(key), purposes_max=purposes_max) for key in keys)
        self._by_id = {key.id: key for key in self._keys}
        if len(self._by_id) != len(self._keys):
            raise ValueError("the same encryption key is given twice")
        self._active = self._keys[0]

    def __repr__(self) -> str:
        return f"Vault(active={self._active.id.hex()}, keys={len(self._keys)})"

    def seal(self, plaintext: bytes, *, record: str) -> bytes:
        """Encrypt with the active key; only `open` with the same `record` gives it back."""
        nonce = os.urandom(_NONCE_BYTES)
        header = self._active.header
        sealed = self._active.cipher.encrypt(nonce, plaintext, header + record.encode())
        return header + nonce + sealed

    def open(self, sealed: bytes, *, record: str) -> bytes:
        """The plaintext. Raises SealBroken when anything at all is not as it was sealed."""
        header = sealed[:_HEADER_BYTES]
        if len(sealed) < _SEALED_BYTES_MIN or header[:1] != _VERSION:
            raise SealBroken("this is no sealed value")
        key = self._by_id.get(header[1:])
        if key is None:
            raise SealBroken("sealed with a key that is not among the encryption keys")
        body = sealed[_HEADER_BYTES:]
        nonce, ciphertext = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
        try:
            return key.cipher.decrypt(nonce, ciphertext, header + record.encode())
        except InvalidTag:
            raise SealBroken("damaged, or sealed for another record") from None

    def reseal_needed(self, sealed: bytes) -> bool:
        """Whether another key than the active one sealed it, so that a rotation must renew it."""
        return sealed[:_HEADER_BYTES] != self._active.header

    def keyed_hash(self, purpose: str, data: bytes) -> bytes:
        """HMAC-SHA256 (32 bytes) with the active key's sub key for `purpose`.

        A purpose is a name in our code, never data: there are at most `purposes_max`, and
        ValueError is raised for one more.
        """
        return self._active.keyed_hash(purpose, data)

    def keyed_hashes(self, purpose: str, data: bytes) -> tuple[bytes, ...]:
        """The keyed hash under every key, the active one first: what to search a table for."""
        return tuple(key.keyed_hash(purpose, data) for key in self._keys)

    def hash_matches(self, purpose: str, data: bytes, stored: bytes) -> bool:
        """Whether `stored` is the keyed hash of `data` under any key, compared in constant time."""
        matches = [
            hmac.compare_digest(stored, expected) for expected in self.keyed_hashes(purpose, data)
        ]
        return any(matches)

    def check_value(self) -> bytes:
        """What is stored beside the sealed values, so that a wrong key is refused at start."""
        return self._active.check_value

    def accepts(self, check_value: bytes) -> bool:
        """Whether one of our keys made `check_value`. After a rotation, store the new one."""
        matches = [hmac.compare_digest(check_value, key.check_value) for key in self._keys]
        return any(matches)


class _Key:
    """One key and everything derived from it; its id tells nothing about it."""

    __slots__ = ("_hash_keys", "_master", "_purposes_max", "check_value", "cipher", "header", "id")

    def __init__(self, master: bytes, *, purposes_max: int) -> None:
        self._master = master
        self._purposes_max = purposes_max
        self._hash_keys: dict[str, bytes] = {}
        self.id = _derived(master, "key id", _KEY_ID_BYTES)
        self.header = _VERSION + self.id
        self.cipher = AESGCM(_derived(master, "seal", _KEY_BYTES))
        self.check_value = _derived(master, "check value", _KEY_BYTES)

    def __repr__(self) -> str:
        return f"_Key({self.id.hex()})"

    def keyed_hash(self, purpose: str, data: bytes) -> bytes:
        key = self._hash_keys.get(purpose)
        if key is None:
            key = self._new_hash_key(purpose)
        return hmac.digest(key, data, "sha256")

    def _new_hash_key(self, purpose: str) -> bytes:
        if len(self._hash_keys) >= self._purposes_max:
            raise ValueError(f"more than {self._purposes_max} purposes of keyed hashes")
        key = _derived(self._master, f"hash {purpose}", _KEY_BYTES)
        self._hash_keys[purpose] = key
        return key


def _derived(master: bytes, purpose: str, length: int) -> bytes:
    information = f"payment gateway, version 1: {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=information).derive(master)


def _key_bytes(key: bytes | str) -> bytes:
    master = _decoded(key) if isinstance(key, str) else bytes(key)
    if len(master) != _KEY_BYTES:
        raise ValueError(f"an encryption key is {_KEY_BYTES} bytes, this one has {len(master)}")
    if len(set(master)) == 1:
        raise ValueError("an encryption key is random, this one repeats a single byte")
    return master


def _decoded(key: str) -> bytes:
    """Base64 in the common or the URL alphabet, padded or not, as tools print it."""
    text = key.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("an encryption key is not valid base64") from None
