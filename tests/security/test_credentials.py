"""API keys and webhook secrets: their form, their hashes, and where they do not show."""

from __future__ import annotations

import base64
import re

import pytest

from gateway.security.credentials import (
    ApiCredentials,
    Mode,
    hash_secret,
    mode_of_key,
    new_api_key,
    new_webhook_secret,
    secret_matches,
)
from gateway.security.vault import Vault, new_key


@pytest.fixture
def vault() -> Vault:
    return Vault([new_key()])


@pytest.mark.parametrize("mode", ["test", "live"])
def test_new_keys_have_the_documented_form(mode: Mode) -> None:
    """Prefix and mode, sixteen characters for the key, thirty-two for the secret."""
    credentials = new_api_key(mode)

    assert re.fullmatch(f"key_{mode}_[A-Za-z0-9]{{16}}", credentials.key_id)
    assert re.fullmatch(f"secret_{mode}_[A-Za-z0-9]{{32}}", credentials.secret)
    assert mode == mode_of_key(credentials.key_id)


def test_new_keys_are_never_the_same() -> None:
    """Keys and secrets come from the system's random source."""
    made = [new_api_key("test") for _ in range(200)]

    assert 200 == len({credentials.key_id for credentials in made})
    assert 200 == len({credentials.secret for credentials in made})


def test_a_key_of_somebody_else_has_no_mode() -> None:
    """Only the prefixes that we give out count."""
    assert "test" == mode_of_key("key_test_abc123")
    assert None is mode_of_key("rzp_test_abc123")
    assert None is mode_of_key("")


def test_the_secret_is_hidden_where_credentials_are_printed() -> None:
    """Neither repr nor str nor a format shows it."""
    credentials = new_api_key("live")
    shown = f"{credentials} {credentials!r} {[credentials]}"

    assert credentials.key_id in shown
    assert credentials.secret not in shown
    assert "secret_live" not in shown


def test_only_the_secret_itself_matches(vault: Vault) -> None:
    """The right secret is accepted; shorter, longer, differing and empty ones are not."""
    secret = "secret_test_xyz789"
    stored = hash_secret(vault, secret)

    assert secret_matches(vault, secret, stored)
    for wrong in ("secret_test_xyz788", secret[:-1], secret + "x", secret.upper(), "", "\udcff"):
        assert not secret_matches(vault, wrong, stored)


def test_an_unknown_key_never_matches(vault: Vault) -> None:
    """No stored hash, or an empty one, is refused whatever the secret."""
    for secret in ("", "secret_test_xyz789", "\x00" * 32):
        assert not secret_matches(vault, secret, None)
        assert not secret_matches(vault, secret, b"")
        assert not secret_matches(vault, secret, bytes(32))


def test_a_stored_hash_is_worth_nothing_without_the_key(vault: Vault) -> None:
    """The hash holds no part of the secret and cannot be tried out with another key."""
    stored = hash_secret(vault, "secret_test_xyz789")

    assert 32 == len(stored)
    assert b"xyz789" not in stored
    assert not secret_matches(Vault([new_key()]), "secret_test_xyz789", stored)


def test_secrets_still_match_after_a_rotation() -> None:
    """The hash of a retired key is accepted while that key is listed."""
    old_key, key = new_key(), new_key()
    stored = hash_secret(Vault([old_key]), "secret_test_xyz789")

    assert secret_matches(Vault([key, old_key]), "secret_test_xyz789", stored)
    assert not secret_matches(Vault([key]), "secret_test_xyz789", stored)


def test_webhook_secrets_have_the_standard_form() -> None:
    """`whsec_` and the base64 of 32 bytes, never twice the same."""
    made = {new_webhook_secret() for _ in range(100)}

    assert 100 == len(made)
    for secret in made:
        assert secret.startswith("whsec_")
        assert 32 == len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))


def test_credentials_cannot_be_changed() -> None:
    """What was given out stays what it was."""
    credentials = ApiCredentials(key_id="key_test_a", secret="secret_test_b")

    with pytest.raises(AttributeError):
        credentials.secret = "other"  # type: ignore[misc]  # that it is frozen is the point
