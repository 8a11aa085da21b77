"""What sealed values are bound to: one name a record, so that none can be moved to another."""

from __future__ import annotations

from uuid import UUID

__all__ = ["answer_record", "api_key_record", "endpoint_record", "processor_account_record"]


def api_key_record(key_id: str) -> str:
    """The secret of an API key."""
    return f"api_key:{key_id}"


def endpoint_record(endpoint_id: str) -> str:
    """The signing secrets of a webhook endpoint."""
    return f"webhook_endpoint:{endpoint_id}"


def answer_record(scope: str, key: str) -> str:
    """A stored answer that shows a secret."""
    return f"answer:{scope}:{key}"


def processor_account_record(account_id: UUID) -> str:
    """The credentials of a merchant's own account at a processor."""
    return f"processor_account:{account_id}"
