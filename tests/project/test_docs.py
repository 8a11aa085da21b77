"""The pages say only what is there: files, make targets, commands, sections."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from gateway.cli.reference import render_settings
from gateway.processors.conformance import ProcessorConformance
from gateway.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CHANGES = ["Security", "Removed", "Deprecated", "Added", "Changed", "Fixed"]
TARGETS = {"setup", "run", "test", "check", "bench", "help", "format", "lock"}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link points to a file that exists, and to a heading it has."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, anchor = link.partition("#")
        if ":" in name:
            continue
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert [] == broken


@each_page
def test_make_targets_exist(page: Path) -> None:
    """Each `make something` that a page mentions is a target."""
    mentioned = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE))

    assert set() == mentioned - TARGETS


def test_make_help_lists_every_target() -> None:
    """`make` alone lists all targets, each with a sentence, and does nothing else."""
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = dict(re.findall(r"^  make (\S+) +(\S.+)$", done.stdout, re.MULTILINE))

    assert listed.keys() == TARGETS


@each_page
def test_settings_exist(page: Path) -> None:
    """Each `GATEWAY_…` that a page mentions is a setting, or a setting's `_FILE`."""
    mentioned = set(re.findall(r"GATEWAY_([A-Z][A-Z_]*[A-Z])\b", page.read_text()))
    fields = {name.upper() for name in Settings.model_fields}
    fields.add("ERROR")  # GATEWAY_ERROR is the code of an error

    assert set() == {name for name in mentioned if name.removesuffix("_FILE") not in fields}


def test_the_readme_knows_the_defaults() -> None:
    """The README's table names settings by the names the gateway reads, with their defaults."""
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| ([^|]*)\|", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    fields = {name.upper(): field.default for name, field in Settings.model_fields.items()}

    assert rows
    for name, told in rows:
        default = fields[name.removeprefix("GATEWAY_")]
        if default is not None:
            assert str(default).lower() == told.strip(" `")


def test_the_page_of_settings_is_current() -> None:
    """docs/settings.md is what the settings make of it; otherwise run what the page's head says."""

    assert render_settings() == (ROOT / "docs" / "settings.md").read_text()


def test_the_page_of_processors_quotes_the_example() -> None:
    """Its code is the example's, whose tests run elsewhere; the hooks that it names are there."""
    page = (ROOT / "docs" / "processors.md").read_text()
    blocks = re.findall(r"```\w+\n(.*?)```", page, re.DOTALL)
    files = (ROOT / "examples" / "processor-plugin").rglob("*.*")
    example = [path.read_text() for path in files if path.suffix in {".py", ".toml", ".md"}]
    hooks = set(re.findall(r"`(\w+)\(\w*\)`", page))

    assert 3 == len(blocks)
    assert [] == [block for block in blocks if not any(block in text for text in example)]
    assert hooks >= {"booked", "stalled", "settle", "notify"}
    assert set() == hooks - set(dir(ProcessorConformance))


def test_changes_stand_in_order() -> None:
    """Each release of the changelog keeps the order of sections, and uses no others."""
    releases = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1:]

    assert releases
    for release in releases:
        sections = re.findall(r"^### (.+)$", release, re.MULTILINE)

        assert [name for name in CHANGES if name in sections] == sections


def test_scripts_are_executable() -> None:
    """What the Makefile and continuous integration start can be started."""
    scripts = [ROOT / ".ci" / "run", *(ROOT / "scripts").iterdir()]

    assert [] == [script.name for script in scripts if not script.stat().st_mode & 0o111]
