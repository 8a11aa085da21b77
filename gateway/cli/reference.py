"""docs/settings.md, made of the settings: `python -m gateway.cli.reference > docs/settings.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import get_args

from pydantic.fields import FieldInfo

from gateway.environment import is_secret, variables_of
from gateway.settings import SECTIONS

__all__ = ["render_settings"]

_HEAD = """\
# Settings

All settings of the gateway, read once at the start from the environment. `gateway check` prints
those in effect, secrets hidden, and what is wrong with them; a `GATEWAY_…` variable that is not
listed here is an error for `gateway check` and a warning for `gateway serve`.

A variable that is set but empty counts as not set. Names that end in `_seconds`, `_days`,
`_percent` or `_bytes_max` say their unit. A setting marked *secret* may be read from a file:
the same name with `_FILE` at its end holds the path; to set both is an error. Plugins declare
settings of their own, which may all be read from files.

This page is made of `gateway/settings/`: `python -m gateway.cli.reference > docs/settings.md`.
"""


def render_settings() -> str:
    """The page, a table for each section."""
    return "\n".join([_HEAD.rstrip(), *_tables()]) + "\n"


def _tables() -> Iterator[str]:
    for title, section in SECTIONS.items():
        yield f"\n## {title}\n"
        yield "| setting | default | |\n|---|---|---|"
        for name, field in section.model_fields.items():
            variables = " or ".join(f"`{variable}`" for variable in variables_of(name))
            yield f"| {variables} | {_default(field)} | {_text(field)} |"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(f"{each:g}" for each in value)
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _text(field: FieldInfo) -> str:
    text = " ".join((field.description or "").split()).replace("|", "\\|")
    choices = [each for each in _arguments(field.annotation) if isinstance(each, str)]
    if choices:
        text += " One of " + ", ".join(f"`{each}`" for each in choices) + "."
    return f"*Secret.* {text}" if is_secret(field) else text


def _arguments(annotation: object) -> Iterator[object]:
    for argument in get_args(annotation):
        yield argument
        yield from _arguments(argument)


if __name__ == "__main__":
    sys.stdout.write(render_settings())
