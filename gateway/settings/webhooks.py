"""Deliveries to merchants."""

from __future__ import annotations

from pydantic import NonNegativeInt, PositiveInt

from gateway.settings.kinds import Networks, Seconds, SettingsSection

__all__ = ["WebhookSettings"]


class WebhookSettings(SettingsSection):
    """Deliveries to merchants."""

    webhook_timeout_seconds: Seconds = 5
    """What a merchant's server has to answer a delivery."""
    webhook_endpoint_concurrency: PositiveInt = 32
    """Deliveries to one endpoint under way at once."""
    webhook_posts_max: PositiveInt = 1_000
    """Deliveries under way at once, all endpoints together."""
    webhook_held_max: PositiveInt = 4_000
    """Deliveries in memory, under way or waiting; the others wait in Redis."""
    webhook_replay_max: PositiveInt = 1_000
    """Deliveries that one replay sends again."""
    webhook_endpoint_backlog_max: PositiveInt = 1_000
    """Deliveries that wait in memory for one endpoint."""
    webhook_allowed_networks: Networks = ()
    """Private networks, separated by commas, that deliveries may go to all the same."""
    webhook_secret_overlap_seconds: NonNegativeInt = 86_400
    """How long deliveries are signed with the old secret too after it was exchanged."""
    webhook_disable_after_seconds: Seconds = 5 * 86_400
    """After how long with nothing but failures an endpoint is disabled."""
    webhook_endpoints_max: PositiveInt = 30
    """Endpoints of one merchant and mode."""
    webhook_response_characters_max: PositiveInt = 2_048
    """What is kept of an endpoint's answer."""
    webhook_body_days: PositiveInt = 90
    """How long the bodies of events are kept."""
    event_days: PositiveInt = 400
    """How long events are kept."""
