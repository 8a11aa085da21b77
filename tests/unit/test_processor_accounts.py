"""What is entered for an account at a processor, and how little of it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import InvalidRequest
from gateway.domain.outcomes import Credential, ProcessorTraits
from gateway.domain.processor_accounts import (
    changed_credentials,
    entered_credentials,
    shown_credentials,
)

TRAITS = ProcessorTraits(
    name="bank",
    timeout_seconds=1,
    credentials=(
        Credential(name="login", label="Login", is_secret=False),
        Credential(name="key", label="Key"),
    ),
)
values = st.text(min_size=1, max_size=40).filter(lambda text: text == text.strip())


@given(login=values, key=values)
def test_little_is_shown(login: str, key: str) -> None:
    """Of a secret nothing, of a login the last four characters, when those are at most half."""
    shown = shown_credentials(TRAITS, entered_credentials(TRAITS, {"login": login, "key": key}))

    tail = login[-4:] if len(login) >= 8 else ""
    assert {"login": f"••••{tail}", "key": "••••"} == shown


@given(given_=st.dictionaries(st.sampled_from(["login", "key", "pin"]), st.text(max_size=5)))
def test_all_that_is_wrong_is_named(given_: dict[str, str]) -> None:
    """Each missing, unknown, empty or padded one; what is complete is taken as it is."""
    wrong = {name for name in ("login", "key") if not given_.get(name, "").strip()}
    wrong |= given_.keys() - {"login", "key"}
    wrong |= {name for name, value in given_.items() if value != value.strip()}
    if not wrong:
        assert given_ == dict(entered_credentials(TRAITS, given_))
        return
    with pytest.raises(InvalidRequest) as refused:
        entered_credentials(TRAITS, given_)
    assert {f"credentials.{name}" for name in wrong} == {
        error.field for error in refused.value.errors
    }


@given(old=values, new=values)
def test_another_login_is_another_account(old: str, new: str) -> None:
    """The same login may be sent along; secrets change and what is not sent stays."""
    stored = {"login": old, "key": "a"}

    assert {"login": old, "key": new} == dict(
        changed_credentials(TRAITS, stored, {"login": old, "key": new})
    )
    assert stored == dict(changed_credentials(TRAITS, stored, {}))
    if old != new:
        with pytest.raises(InvalidRequest) as refused:
            changed_credentials(TRAITS, stored, {"login": new})
        assert "credentials.login" == refused.value.field
