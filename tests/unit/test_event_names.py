"""What endpoints subscribe to, in the names of their format."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.errors import InvalidRequest
from gateway.web.event_names import change_subscription, shown_events, stored_events
from gateway.web.razorpay_events import RAZORPAY_NAMES

ALL = list(RAZORPAY_NAMES)


@pytest.mark.parametrize(
    ("format_", "names", "stored", "shown"),
    [
        ("gateway", [], [], ["*"]),
        ("gateway", ["payment.success"], ["payment.success"], ["payment.success"]),
        ("gateway", ["dispute.created"], ["dispute.created"], ["dispute.created"]),
        ("gateway", ALL, ALL, ALL),
        ("razorpay", [], ALL, ["*"]),
        ("razorpay", ["payment.authorized"], ["payment.success"], ["payment.authorized"]),
        ("razorpay", ["refund.failed"], ["refund.failed"], ["refund.failed"]),
        ("razorpay", list(RAZORPAY_NAMES.values()), ALL, ["*"]),
    ],
)
def test_names_are_stored_as_ours_and_shown_as_they_came(
    format_: str, names: list[str], stored: list[str], shown: list[str]
) -> None:
    """All events of Razorpay's are stored one by one: the journal compares names alone."""
    assert stored == stored_events(format_, names)
    assert shown == shown_events(format_, stored)


@pytest.mark.parametrize(
    ("format_", "name"),
    [
        ("gateway", "payment.authorized"),
        ("razorpay", "payment.success"),
        ("razorpay", "payment.pending"),
        ("razorpay", "dispute.created"),
        ("razorpay", "webhook.test"),
    ],
)
def test_names_of_the_other_format_are_refused(format_: str, name: str) -> None:
    """The refusal names the event."""
    with pytest.raises(InvalidRequest, match=name) as refused:
        stored_events(format_, ["order.paid", name])
    assert "events" == refused.value.field


@pytest.mark.parametrize(
    ("format_", "stored", "changes", "changed"),
    [
        ("razorpay", ["order.paid"], {"active": False}, {"active": False}),
        ("razorpay", ["order.paid"], {"format": "razorpay"}, {"format": "razorpay"}),
        (
            "razorpay",
            ["order.paid"],
            {"events": ("payment.authorized",)},
            {"events": ["payment.success"]},
        ),
        (
            "gateway",
            [],
            {"format": "razorpay", "events": ("payment.authorized",)},
            {"format": "razorpay", "events": ["payment.success"]},
        ),
        ("gateway", [], {"format": "razorpay"}, {"format": "razorpay", "events": ALL}),
        ("razorpay", ALL, {"format": "gateway"}, {"format": "gateway", "events": []}),
        (
            "razorpay",
            ["payment.success"],
            {"format": "gateway"},
            {"format": "gateway", "events": ["payment.success"]},
        ),
        (
            "gateway",
            ["payment.pending", "payment.success"],
            {"format": "razorpay"},
            {"format": "razorpay", "events": ["payment.success"]},
        ),
    ],
)
def test_a_change_of_format_carries_the_events_over(
    format_: str, stored: list[str], changes: dict[str, Any], changed: dict[str, Any]
) -> None:
    """All stays all; of others those stay that the new format knows."""
    assert changed == change_subscription(format_, stored, changes)


def test_a_change_that_would_leave_no_event_is_refused() -> None:
    """An empty list would mean all."""
    with pytest.raises(InvalidRequest, match="none of the events"):
        change_subscription("gateway", ["payment.pending"], {"format": "razorpay"})
