"""The wheel carries all the gateway needs at run time and works outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND_SECONDS_MAX = 120


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed; its output is in the failure message otherwise."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={"PATH": os.defpath, "HOME": str(cwd), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        check=False,
    )

    assert 0 == done.returncode, f"{command}:\n{done.stdout}\n{done.stderr}"

    return done


def build_wheel(source: Path, into: Path) -> Path:
    """Build a wheel of `source` without an index, as the image does."""
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--isolated")
    run(sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", into, source, cwd=into)
    (wheel,) = into.glob("*.whl")
    return wheel


def resources() -> set[str]:
    """What stands at the top of the checkout and is read at run time."""
    found = {"schema.sql"}
    for folder in ("migrations", "templates"):
        files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
        found |= {path.relative_to(ROOT).as_posix() for path in files}
    return found


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it, outside the checkout; nothing is downloaded.

    Dependencies come from the project's own environment, through a path file.
    """
    home = tmp_path_factory.mktemp("installed")
    venv.create(home / "venv", with_pip=False, symlinks=True)
    python = home / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--isolated", "--python", python)
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=home)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = home / "venv" / "lib" / version / "site-packages"
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home


def test_the_wheel_holds_code_and_resources(wheel: Path) -> None:
    """Every module, the schema, each migration and template, and nothing of tests or tools."""
    names = contents(wheel)
    modules = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gateway").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert set() == modules - names
    assert set() == {f"gateway/_resources/{name}" for name in resources()} - names
    assert {"gateway"} == {
        name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")
    }


def test_the_wheel_names_its_licence_and_dependencies(wheel: Path) -> None:
    """The licence travels along, and the metadata asks for exactly what pyproject.toml says."""
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(path).decode()
        licence = archive.read(path.replace("METADATA", "licenses/LICENSE")).decode()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert (ROOT / "LICENSE").read_text() == licence
    assert "License-Expression: Apache-2.0" in metadata
    assert len(project["dependencies"]) == metadata.count("\nRequires-Dist: ")


def test_the_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """From the sdist comes what comes from the checkout."""
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path, cwd=ROOT)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as bundle:
        bundle.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    (tmp_path / "wheel").mkdir()

    assert contents(wheel) == contents(build_wheel(source, tmp_path / "wheel"))


def test_the_installed_gateway_finds_its_resources(installed: Path) -> None:
    """Schema, migrations and templates come from the wheel, not from a checkout."""
    code = (
        "from gateway import resources\n"
        "for name in ('schema.sql', 'migrations', 'templates'):\n"
        "    print(resources.path(name))"
    )
    found = run(installed / "venv" / "bin" / "python", "-c", code, cwd=installed).stdout.split()

    assert 3 == len(found)
    for path in found:
        assert Path(path).is_relative_to(installed)


def test_the_installed_command_says_what_it_can(installed: Path) -> None:
    """`gateway --help` works where only the wheel is, and `python -m gateway` is the same."""
    command = run(installed / "venv" / "bin" / "gateway", "--help", cwd=installed)
    module = run(installed / "venv" / "bin" / "python", "-m", "gateway", "--help", cwd=installed)

    for name in ("serve", "demo", "migrate", "check"):
        assert name in command.stdout
        assert name in module.stdout


def test_the_installed_gateway_checks_itself(installed: Path) -> None:
    """`gateway check` is content with an installation that has no settings but a data directory."""
    data = installed / "data"
    run(installed / "venv" / "bin" / "gateway", "check", cwd=installed, GATEWAY_DATA_DIR=str(data))
