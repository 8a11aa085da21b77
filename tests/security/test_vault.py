"""The vault: sealing, rotation, keyed hashes, and that keys show nowhere."""

from __future__ import annotations

import base64
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.security.vault import SealBroken, Vault, new_key

OLD_KEY = bytes(range(32))
NEW_KEY = bytes(range(32, 64))
RECORD = "pay_0123456789abcdef"
OVERHEAD = 1 + 4 + 12 + 16  # version, key id, nonce, tag


@given(st.binary(max_size=5000), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_opens_again(plaintext: bytes, record: str) -> None:
    """Any bytes come back, for the record they were sealed for."""
    vault = Vault([OLD_KEY])

    assert plaintext == vault.open(vault.seal(plaintext, record=record), record=record)


def test_a_seal_has_the_documented_layout() -> None:
    """Version byte, key id, nonce, ciphertext and tag; nothing of the plaintext is in it."""
    vault = Vault([OLD_KEY])
    plaintext = b"4242424242424242|12|2030|123"

    sealed = vault.seal(plaintext, record=RECORD)

    assert len(plaintext) + OVERHEAD == len(sealed)
    assert 1 == sealed[0]
    assert vault.seal(b"", record="x")[1:5] == sealed[1:5], "the key id"
    assert b"4242" not in sealed


def test_the_same_plaintext_never_seals_to_the_same_bytes() -> None:
    """Each seal has a nonce of its own."""
    vault = Vault([OLD_KEY])

    assert 100 == len({vault.seal(b"same", record=RECORD) for _ in range(100)})


def test_no_byte_of_a_seal_can_be_changed() -> None:
    """A flipped bit anywhere, header and tag included, raises SealBroken."""
    vault = Vault([OLD_KEY, NEW_KEY])
    sealed = vault.seal(b"secret", record=RECORD)

    for position in range(len(sealed)):
        tampered = bytearray(sealed)
        tampered[position] ^= 1
        with pytest.raises(SealBroken):
            vault.open(bytes(tampered), record=RECORD)


def test_no_part_of_a_seal_opens() -> None:
    """Cut or lengthened values raise SealBroken, the empty one too."""
    vault = Vault([OLD_KEY])
    sealed = vault.seal(b"secret", record=RECORD)

    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            vault.open(sealed[:length], record=RECORD)
    with pytest.raises(SealBroken):
        vault.open(sealed + b"\x00", record=RECORD)


def test_a_seal_belongs_to_its_record() -> None:
    """A value moved to another row does not open there."""
    vault = Vault([OLD_KEY])
    sealed = vault.seal(b"secret", record=RECORD)

    for foreign in ("pay_fedcba9876543210", "", RECORD + "x", RECORD[:-1]):
        with pytest.raises(SealBroken, match="another record"):
            vault.open(sealed, record=foreign)


def test_a_key_id_cannot_be_swapped_for_another_of_ours() -> None:
    """The header is bound into the seal: naming our other key does not help."""
    old, new = Vault([OLD_KEY]), Vault([NEW_KEY])
    sealed, other = old.seal(b"secret", record=RECORD), new.seal(b"", record=RECORD)

    with pytest.raises(SealBroken):
        Vault([OLD_KEY, NEW_KEY]).open(sealed[:1] + other[1:5] + sealed[5:], record=RECORD)


def test_rotation_opens_old_values_and_seals_new_ones_with_the_new_key() -> None:
    """Old values open while their key is listed, ask to be sealed again, and then do without."""
    old, both, new = Vault([OLD_KEY]), Vault([NEW_KEY, OLD_KEY]), Vault([NEW_KEY])
    sealed = old.seal(b"secret", record=RECORD)

    assert not old.reseal_needed(sealed)
    assert both.reseal_needed(sealed)
    renewed = both.seal(both.open(sealed, record=RECORD), record=RECORD)
    assert not both.reseal_needed(renewed)
    assert b"secret" == new.open(renewed, record=RECORD)
    with pytest.raises(SealBroken, match="not among"):
        new.open(sealed, record=RECORD)


def test_keyed_hashes_depend_on_purpose_data_and_key() -> None:
    """A hash for one purpose says nothing about another, and is the same on every start."""
    vault = Vault([OLD_KEY])
    hashed = vault.keyed_hash("card", b"4242424242424242")

    assert 32 == len(hashed)
    assert hashed == Vault([OLD_KEY]).keyed_hash("card", b"4242424242424242")
    assert hashed != vault.keyed_hash("idempotency", b"4242424242424242")
    assert hashed != vault.keyed_hash("card", b"4242424242424243")
    assert hashed != Vault([NEW_KEY]).keyed_hash("card", b"4242424242424242")


def test_keyed_hashes_survive_rotation() -> None:
    """A hash made with the old key still matches and can be searched for, until it is gone."""
    old, both, new = Vault([OLD_KEY]), Vault([NEW_KEY, OLD_KEY]), Vault([NEW_KEY])
    stored = old.keyed_hash("card", b"data")

    assert both.hash_matches("card", b"data", stored)
    assert not both.hash_matches("card", b"other", stored)
    assert not new.hash_matches("card", b"data", stored)
    assert (new.keyed_hash("card", b"data"), stored) == both.keyed_hashes("card", b"data")


def test_purposes_of_keyed_hashes_are_limited() -> None:
    """Somebody who hashes under data instead of a purpose is told, before memory fills."""
    vault = Vault([OLD_KEY], purposes_max=2)
    vault.keyed_hash("a", b"")
    vault.keyed_hash("b", b"")
    vault.keyed_hash("a", b"again")

    with pytest.raises(ValueError, match="more than 2 purposes"):
        vault.keyed_hash("c", b"")


def test_the_check_value_refuses_a_wrong_key() -> None:
    """The stored value is accepted by its own key, in any place, and by no other."""
    old, both, new = Vault([OLD_KEY]), Vault([NEW_KEY, OLD_KEY]), Vault([NEW_KEY])
    stored = old.check_value()

    assert stored == Vault([OLD_KEY]).check_value()
    assert old.accepts(stored)
    assert both.accepts(stored)
    assert not new.accepts(stored)
    assert not old.accepts(b"")
    assert both.check_value() == new.check_value(), "what to store after the rotation"


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(b"\xfb" * 31 + b"\xff").decode(),
        base64.urlsafe_b64encode(b"\xfb" * 31 + b"\xff").decode(),
        base64.b64encode(b"\xfb" * 31 + b"\xff").decode().rstrip("="),
        "  " + base64.b64encode(b"\xfb" * 31 + b"\xff").decode() + "\n",
    ],
)
def test_keys_may_be_base64(text: str) -> None:
    """Both alphabets, with or without padding, with the newline of a secrets file."""
    assert Vault([b"\xfb" * 31 + b"\xff"]).accepts(Vault([text]).check_value())


def test_a_new_key_is_random_and_fits() -> None:
    """What is generated for embedded stores is a key, and never the same one."""
    first, second = new_key(), new_key()

    assert first != second
    assert not Vault([first]).accepts(Vault([second]).check_value())


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [b""],
        [b"short-key-material-in-the-clear"],
        [bytes(33)],
        [bytes(32)],
        ["not base64 at all: hunter2!"],
        [base64.b64encode(b"hunter2").decode()],
        [OLD_KEY, NEW_KEY, OLD_KEY],
        [OLD_KEY, base64.b64encode(OLD_KEY).decode()],
        [index.to_bytes(32, "big") for index in range(1, 18)],
    ],
)
def test_unfit_keys_are_refused_without_showing_them(keys: list[bytes | str]) -> None:
    """None, too many, doubled, short, long, constant, undecodable: ValueError without the key."""
    with pytest.raises(ValueError, match="encryption key") as refusal:
        Vault(keys)

    shown = "".join(traceback.format_exception_only(refusal.value)) + repr(refusal.value)
    assert not any(str(key) in shown or repr(key) in shown for key in keys)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_keys_and_plaintexts_show_nowhere() -> None:
    """Neither repr, str nor the traceback of a broken seal, its local variables included."""
    vault = Vault([base64.b64encode(OLD_KEY).decode(), NEW_KEY])
    sealed = vault.seal(b"hunter2", record=RECORD)
    with pytest.raises(SealBroken) as broken:
        vault.open(sealed, record="pay_other")

    shown = [repr(vault), str(vault), f"{vault!r}", repr(vault._keys), str(broken.value)]
    report = traceback.TracebackException.from_exception(broken.value, capture_locals=True)
    shown.extend(report.format())
    secrets = [OLD_KEY.hex(), repr(OLD_KEY), repr(NEW_KEY), base64.b64encode(OLD_KEY).decode()]
    assert not any(secret in text for secret in [*secrets, "hunter2"] for text in shown[:5])
    frames = "".join(shown[5:])
    assert not any(secret in frames for secret in [repr(OLD_KEY), repr(NEW_KEY)])
    assert "vault = Vault(active=" in frames


def test_a_vault_cannot_be_copied_out_of_the_process() -> None:
    """Pickling it, by mistake, fails instead of writing the keys somewhere."""
    with pytest.raises(TypeError):
        pickle.dumps(Vault([OLD_KEY]))
