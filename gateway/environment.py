"""Settings as the environment gives them: names, files that hold secrets, names nobody knows.

A variable that is set but empty counts as not set, as container tools pass them on.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

__all__ = [
    "BARE",
    "PREFIX",
    "EnvironmentSource",
    "InvalidSettings",
    "UnknownVariable",
    "is_secret",
    "plugin_settings",
    "source_of",
    "unknown_variables",
    "variables_of",
]

PREFIX = "GATEWAY_"
BARE = frozenset(
    {
        "database_url",
        "redis_url",
        "port",
        "dashboard_port",
        "checkout_port",
        "test_mode",
        "test_processing_delay",
        "test_payment_success",
        "webhook_retry_intervals_test",
    }
)
"""Settings that platforms and tests set without the prefix; the prefixed name works too."""

# Kubernetes injects these into every container beside a service that is called gateway.
_INJECTED = re.compile(r"GATEWAY_(SERVICE_|PORT)")
_FILE = "_FILE"
_FILE_BYTES_MAX = 64 * 1024
_SIMILAR_MIN = 0.6


class InvalidSettings(Exception):
    """Settings that cannot be used. `problems` name the variables, never their values."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class UnknownVariable:
    """A `GATEWAY_…` variable that is no setting, and the setting that may have been meant."""

    name: str
    suggestion: str | None

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestion}?" if self.suggestion else ""
        return f"{self.name} is no setting of the gateway{hint}"


def variables_of(field_name: str) -> tuple[str, ...]:
    """The variables that set a setting, the usual one first."""
    prefixed = f"{PREFIX}{field_name.upper()}"
    if field_name not in BARE:
        return (prefixed,)
    bare = field_name.upper()
    return (bare,) if _INJECTED.match(prefixed) else (bare, prefixed)


def is_secret(field: FieldInfo) -> bool:
    """Whether the setting is never shown and may be read from a file."""
    return "SecretStr" in str(field.annotation)


def source_of(field_name: str, field: FieldInfo) -> str | None:
    """The variable that sets a setting at the moment; None where the default holds."""
    names = variables_of(field_name)
    if is_secret(field):
        names += tuple(f"{name}{_FILE}" for name in names)
    return next((name for name in names if os.environ.get(name)), None)


class EnvironmentSource(PydanticBaseSettingsSource):
    """Reads the variables of all settings, and `…_FILE` of those that are secret."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The text that is set for a setting, None if there is none. Raises InvalidSettings."""
        names = variables_of(field_name)
        return _text(names, secret=is_secret(field)), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All that is set, by the settings' names. Raises InvalidSettings with all problems."""
        values: dict[str, Any] = {}
        problems: list[str] = []
        for name, field in self.settings_cls.model_fields.items():
            try:
                value, _, _ = self.get_field_value(field, name)
            except InvalidSettings as invalid:
                problems += invalid.problems
            else:
                if value is not None:
                    values[name] = value
        if problems:
            raise InvalidSettings(problems)
        return values


def plugin_settings(names: Iterable[str]) -> Mapping[str, str]:
    """What is set of the settings that processor plugins declare (lower case, no prefix).

    Each may be read from a file, because any of them may be a secret. Raises InvalidSettings.
    """
    found = {name: _text((f"{PREFIX}{name.upper()}",), secret=True) for name in sorted(names)}
    return {name: text for name, text in found.items() if text is not None}


def unknown_variables(
    settings: type[BaseSettings], plugin_names: Iterable[str] = ()
) -> list[UnknownVariable]:
    """The `GATEWAY_…` variables of the environment that are nobody's, with a suggestion each."""
    known = {name for field in settings.model_fields for name in variables_of(field)}
    secret = {name for name, field in settings.model_fields.items() if is_secret(field)}
    known |= {f"{name}{_FILE}" for field in secret for name in variables_of(field)}
    declared = {f"{PREFIX}{name.upper()}" for name in plugin_names}
    known |= declared | {f"{name}{_FILE}" for name in declared}
    found = [
        name
        for name in sorted(os.environ)
        if name.startswith(PREFIX) and name not in known and not _INJECTED.match(name)
    ]
    return [UnknownVariable(name, _suggestion(name, known)) for name in found]


def _suggestion(name: str, known: Iterable[str]) -> str | None:
    """Compared without the prefix, which would make everything look alike."""
    candidates = {each.removeprefix(PREFIX): each for each in sorted(known, reverse=True)}
    wanted = name.removeprefix(PREFIX)
    close = difflib.get_close_matches(wanted, candidates, n=1, cutoff=_SIMILAR_MIN)
    return candidates[close[0]] if close else None


def _text(names: tuple[str, ...], *, secret: bool) -> str | None:
    """The first of the variables that is set, read from its file if that is what is set."""
    for name in names:
        text = os.environ.get(name) or None
        path = (os.environ.get(f"{name}{_FILE}") or None) if secret else None
        if text and path:
            raise InvalidSettings([f"{name} and {name}{_FILE} are both set; keep one of them"])
        if path:
            return _read(f"{name}{_FILE}", Path(path))
        if text:
            return text
    return None


def _read(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
        text = content.decode().strip()
    except OSError as error:
        raise InvalidSettings([f"{variable}: {path} cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise InvalidSettings([f"{variable}: {path} is not text"]) from None
    if not text or len(content) > _FILE_BYTES_MAX:
        raise InvalidSettings([f"{variable}: {path} is empty or too long"])
    return text
