"""A merchant's own account at a processor: what has to be entered, and what is shown of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from gateway.domain.errors import FieldError, InvalidRequest
from gateway.domain.outcomes import Account, Credential, ProcessorTraits

__all__ = ["CheckResult", "changed_credentials", "entered_credentials", "shown_credentials"]

_VALUE_CHARACTERS_MAX = 4096
_HIDDEN = "••••"
_TAIL = 4
# Of something shorter four characters would be too large a part.
_TAIL_SHOWN_FROM = 8


class CheckResult(StrEnum):
    """What came of asking the processor; unchecked: it could not be asked."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNCHECKED = "unchecked"


def entered_credentials(traits: ProcessorTraits, given: Mapping[str, str]) -> Account:
    """The credentials of a new account: exactly those that the processor takes.

    Raises InvalidRequest that names each that is missing, unknown, empty or too long.
    """
    wanted = {credential.name for credential in traits.credentials}
    missing = [
        FieldError(f"credentials.{name}", f"credentials.{name} is required")
        for name in sorted(wanted - given.keys())
    ]
    _refuse(missing + _wrong(wanted, given))
    return MappingProxyType(dict(given))


def changed_credentials(
    traits: ProcessorTraits, stored: Account, given: Mapping[str, str]
) -> Account:
    """The credentials after a change of secrets; what is not given stays.

    What is no secret says which account it is, and payments go on with the account they began
    with: another one is a new account. Raises InvalidRequest.
    """
    wrong = _wrong({credential.name for credential in traits.credentials}, given)
    wrong += [
        FieldError(
            f"credentials.{credential.name}",
            f"{credential.label} cannot be changed: make another account",
        )
        for credential in traits.credentials
        if not credential.is_secret
        and given.get(credential.name, stored.get(credential.name)) != stored.get(credential.name)
    ]
    _refuse(wrong)
    return MappingProxyType({**stored, **given})


def shown_credentials(traits: ProcessorTraits, account: Account) -> dict[str, str]:
    """Each credential masked: of one that is no secret the last four characters."""
    return {
        credential.name: _masked(credential, account.get(credential.name, ""))
        for credential in traits.credentials
    }


def _masked(credential: Credential, value: str) -> str:
    if credential.is_secret or len(value) < _TAIL_SHOWN_FROM:
        return _HIDDEN
    return _HIDDEN + value[-_TAIL:]


def _wrong(wanted: set[str], given: Mapping[str, str]) -> list[FieldError]:
    errors = []
    for name, value in given.items():
        path = f"credentials.{name}"
        if name not in wanted:
            errors.append(FieldError(path, f"{path} is not a known field"))
        elif not value or value != value.strip():
            errors.append(FieldError(path, f"{path} must not be empty or begin or end with space"))
        elif len(value) > _VALUE_CHARACTERS_MAX:
            text = f"{path} must have at most {_VALUE_CHARACTERS_MAX} characters"
            errors.append(FieldError(path, text))
    return errors


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        first = errors[0]
        raise InvalidRequest(first.description, field=first.field, errors=tuple(errors))
