"""What processors send by themselves."""

from __future__ import annotations

from pydantic import PositiveInt

from gateway.settings.kinds import SettingsSection

__all__ = ["InboundSettings"]


class InboundSettings(SettingsSection):
    """What processors send by themselves."""

    inbound_calls_max: PositiveInt = 16
    """Questions to one processor under way at once about what it has sent."""
    inbound_tries_max: PositiveInt = 8
    """How often a notification is tried (after 1 and 5 minutes, 1 and 6 hours, then daily) before
    it is kept as a dead letter."""
    inbound_message_max: PositiveInt = 100
    """Notifications in one message."""
    inbound_days: PositiveInt = 90
    """How long notifications are kept after they were handled."""
