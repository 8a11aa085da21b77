"""The files that the gateway reads at run time: schema.sql, migrations, templates.

In a checkout they lie at its top, in an installed wheel in `gateway/_resources`.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["path"]

_PACKAGE = Path(__file__).resolve().parent


def path(name: str) -> Path:
    """Where the file or directory `name` is. Raises FileNotFoundError when it is nowhere."""
    for directory in (_PACKAGE / "_resources", _PACKAGE.parent):
        found = directory / name
        if found.exists():
            return found
    raise FileNotFoundError(f"{name} is not part of this installation of the gateway")
