"""Changes between dated versions, as functions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.versions import (
    FIRST_VERSION,
    VERSIONS,
    UnknownVersion,
    VersionChange,
    Versions,
    back,
    forward,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def step(version: str) -> VersionChange:
    """A change that writes down that it was passed, on either way."""

    def passed(_what: str, members: dict[str, Any]) -> dict[str, Any]:
        return {**members, "way": [*members.get("way", []), version]}

    return VersionChange(version=version, description="Made up.", forward=passed, back=passed)


def test_changes_are_passed_in_order() -> None:
    """Forward from the oldest, back from the newest; what was given stays as it was."""
    versions = Versions([step("2027-01-01"), step("2028-01-01")])
    given_members: dict[str, Any] = {"id": "order_1"}
    changes = versions.changes_since(FIRST_VERSION)

    assert ["2027-01-01", "2028-01-01"] == forward(changes, "POST /x", given_members)["way"]
    assert ["2028-01-01", "2027-01-01"] == back(changes, given_members)["way"]
    assert ["2028-01-01"] == back(versions.changes_since("2027-01-01"), given_members)["way"]
    assert "2028-01-01" == versions.current
    assert {"id": "order_1"} == given_members


def test_every_object_of_an_answer_is_brought_back_by_its_kind() -> None:
    """In lists and in other objects too."""
    kinds: list[str] = []

    def look(kind: str, members: dict[str, Any]) -> dict[str, Any]:
        kinds.append(kind)
        return members

    change = VersionChange(version="2027-01-01", description="Made up.", back=look)
    back([change], {"data": [{"id": "order_1", "of": {"id": "pay_2"}}, {"id": 3}], "total": 2})

    assert ["", "", "order", "pay"] == sorted(kinds)


@given(JSON)
def test_nothing_changes_without_a_change(content: Any) -> None:
    """The newest version is what the gateway speaks."""
    assert content == back(VERSIONS.changes_since(VERSIONS.current), content)


def test_unknown_versions_and_wrong_orders_are_refused() -> None:
    """A version is one of those that there are, and each is later than the one before."""
    with pytest.raises(UnknownVersion):
        VERSIONS.changes_since("2020-01-01")
    with pytest.raises(ValueError, match="later"):
        Versions([step("2028-01-01"), step("2027-01-01")])
