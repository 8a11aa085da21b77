"""What was measured: printed, and written into docs/performance.md between its own two marks."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["Row", "Section", "print_section", "write_section"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure. `met` is None where there is no target."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None

    @property
    def verdict(self) -> str:
        return "" if self.met is None else "yes" if self.met else "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The measures of one benchmark, and how they came about."""

    name: str
    rows: Sequence[Row]
    note: str

    def markdown(self) -> str:
        """A table, the notes, and when it was."""
        lines = ["| measure | measured | target | met |", "|---|---|---|---|"]
        lines += [
            f"| {row.what} | {row.measured} | {row.target} | {row.verdict} |" for row in self.rows
        ]
        now = datetime.now(UTC)
        load = os.getloadavg()[0]
        machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
        lines += ["", f"{now:%Y-%m-%d %H:%M} UTC, {machine}, load average afterwards {load:.1f}."]
        lines += [self.note]
        return "\n".join(lines)


def print_section(section: Section) -> None:
    """For the terminal: the same, aligned."""
    width = max(len(row.what) for row in section.rows)
    print(f"\n{section.name}")
    for row in section.rows:
        target = f"  target {row.target}: {row.verdict or '-'}" if row.target else ""
        print(f"  {row.what:{width}}  {row.measured}{target}")
    print(f"  ({section.note})")


def write_section(section: Section) -> None:
    """Replace what stands between the section's marks. Raises ValueError when they are missing."""
    page = PAGE.read_text()
    begin, end = f"<!-- {section.name} -->\n", f"<!-- end of {section.name} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{PAGE} has no marks for {section.name}")
    PAGE.write_text(f"{before}{begin}{section.markdown()}\n{end}{after}")
