"""The locks pin everything with hashes, fit pyproject.toml, and bring only usable licences."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)(?: ; (?P<marker>[^\\]+))? \\$")

# Licences under which a business may run, change and pass on the gateway. MPL-2.0 asks only that
# changes to its own files stay open; nothing here asks that of ours.
USABLE = frozenset(
    {
        "apache 2",
        "apache 2.0",
        "apache software license",
        "apache-2.0",
        "bsd license",
        "bsd-2-clause",
        "bsd-3-clause",
        "mit",
        "mit license",
        "mit-0",
        "mozilla public license 2.0 (mpl 2.0)",
        "mpl-2.0",
        "psf-2.0",
        "public domain",
        "python software foundation license",
    }
)


def pins(lock: str) -> dict[str, str]:
    """Name and version of what `lock` installs on this machine."""
    found = {}
    for line in (ROOT / lock).read_text().splitlines():
        match = PIN.match(line)
        if match and (not match["marker"] or Marker(match["marker"]).evaluate()):
            found[match["name"]] = match["version"]
    return found


def declared(group: str | None = None) -> list[Requirement]:
    """The project's own requirements, or those of a dependency group."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    if group is None:
        return [Requirement(text) for text in pyproject["project"]["dependencies"]]
    entries = pyproject["dependency-groups"][group]
    found = [Requirement(entry) for entry in entries if isinstance(entry, str)]
    for entry in entries:
        if not isinstance(entry, str):
            found += declared(entry["include-group"])
    return found


def licences(name: str) -> set[str]:
    """The licences a distribution names, lower case: its expression, else field and classifiers."""
    data = metadata(name)
    for expression in data.get_all("License-Expression", []):
        return {part for part in re.split(r" (?:and|or|with) |[()]", expression.lower()) if part}
    classifiers = [
        classifier.rpartition(" :: ")[2].lower()
        for classifier in data.get_all("Classifier", [])
        if classifier.startswith("License :: ")
    ]
    return {*classifiers} or {name.strip().lower() for name in data.get_all("License", [])}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    """Each package is pinned and followed by at least one hash, so that pip checks every file."""
    lines = [line for line in (ROOT / lock).read_text().splitlines() if not line.startswith("#")]
    starts = [number for number, line in enumerate(lines) if not line.startswith(" ")]

    assert starts
    for number in starts:
        assert PIN.match(lines[number]), lines[number]
        assert lines[number + 1].startswith("    --hash=sha256:"), lines[number]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place(lock: str) -> None:
    """No index, link or path of the machine that wrote it: the lock works with any index."""

    assert not re.search(r"https?://|file:|^--|@ |[ =]/\w", (ROOT / lock).read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("lock", "group"),
    [
        ("requirements.lock", None),
        ("requirements-dev.lock", None),
        ("requirements-dev.lock", "dev"),
        ("requirements-build.lock", "build"),
    ],
)
def test_a_lock_fits_the_project(lock: str, group: str | None) -> None:
    """Every requirement in pyproject.toml is met by its pin (else: `make lock`)."""
    pinned = pins(lock)
    unmet = [
        str(requirement)
        for requirement in declared(group)
        if not requirement.specifier.contains(
            Version(pinned.get(canonicalize_name(requirement.name), "0"))
        )
    ]

    assert [] == unmet


def test_the_locks_agree() -> None:
    """What the tests run with is what the image ships."""
    development = pins("requirements-dev.lock")

    assert {} == {
        name: version
        for lock in LOCKS
        for name, version in pins(lock).items()
        if development.get(name) != version
    }


def test_the_build_backend_is_locked() -> None:
    """Wheels are built without isolation, so the lock brings what [build-system] asks for."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {canonicalize_name(Requirement(r).name) for r in pyproject["build-system"]["requires"]}

    assert names <= pins("requirements-build.lock").keys()


@pytest.mark.parametrize("name", sorted(pins("requirements.lock")))
def test_a_dependency_may_be_used_commercially(name: str) -> None:
    """Every package of the runtime lock names licences, all of them on the list above."""
    try:
        named = licences(name)
    except PackageNotFoundError:
        pytest.fail(f"{name} is locked but not installed: make setup")

    assert named, f"{name} names no licence"
    assert set() == named - USABLE
