"""The settings in effect as people may see them: for `gateway check` and the operators' page."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.environment import is_secret, source_of, variables_of
from gateway.settings import Settings

__all__ = ["shown_settings"]


def shown_settings(settings: Settings) -> Iterator[tuple[str, str, str | None]]:
    """Variable, value, and what sets it if it is not the default; secrets are hidden."""
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = "(hidden)" if is_secret(field) and value is not None else _shown(value)
        yield variables_of(name)[0], shown, source_of(name, field)


def _shown(value: object) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, tuple):
        return ",".join(_shown(each) for each in value) or "(none)"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
