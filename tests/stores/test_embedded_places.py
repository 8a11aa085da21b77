"""Where the embedded stores can live, and as whom they can run."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from gateway.embedded import EmbeddedStores
from tests.stores.kept import postgres_at, recall, remember

OpenStores = Callable[..., EmbeddedStores]
NOBODY = 65534
STRANGER = 54321  # a user id that no system has a name for


def as_user(uid: int, home: Path) -> tuple[str, ...]:
    """Start of a command that runs as `uid`, in `home`, and can read what only root can.

    Who is not root cannot become somebody else, and is an ordinary user already.
    """
    home.mkdir()
    if os.geteuid() != 0:
        return ()
    os.chown(home, uid, uid)
    capability = "dac_read_search"
    options = [f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
    return ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *options)


async def test_runs_below_private_parents(open_stores: OpenStores, tmp_path: Path) -> None:
    """Parent directories of mode 0700 stay so, also when root hands Postgres to another user."""
    parent = tmp_path / "private"
    parent.mkdir(mode=0o700)
    stores = open_stores(parent / "data")

    addresses = await stores.start()

    async with postgres_at(addresses.database_url) as connection:
        assert 1 == await connection.fetchval("SELECT 1")
    assert 0o700 == stat.S_IMODE(parent.stat().st_mode)
    assert 0 != owner_of(f"/proc/{stores.postgres.pid}")


def owner_of(path: Path | str) -> int:
    return Path(path).stat().st_uid


async def test_runs_on_a_long_path(open_stores: OpenStores, tmp_path: Path) -> None:
    """A data directory too deep for a socket's path works all the same."""
    stores = open_stores(tmp_path / ("long" * 30))

    await remember(stores)

    assert ("a row", "a value") == await recall(stores)
    await stores.stop()
    for name in ("postgres", "redis"):
        stores.directory.socket_directory(name).rmdir()


async def test_runs_on_a_path_with_odd_characters(open_stores: OpenStores, tmp_path: Path) -> None:
    """Spaces, quotes, question marks and percent signs in the path are taken as they are."""
    stores = open_stores(tmp_path / 'a b"c?d%20e')

    await remember(stores)

    assert ("a row", "a value") == await recall(stores)


async def test_a_copied_directory_works(open_stores: OpenStores, tmp_path: Path) -> None:
    """A copy of the data, made by whoever runs the gateway, starts like the original."""
    stores = open_stores()
    await remember(stores)
    await stores.stop()
    shutil.copytree(tmp_path / "data", tmp_path / "copy", copy_function=shutil.copyfile)

    assert ("a row", "a value") == await recall(open_stores(tmp_path / "copy"))


async def test_runs_as_an_ordinary_user(
    tmp_path: Path, start_holder: Callable[..., object]
) -> None:
    """A gateway that is not root runs Postgres as itself."""
    home = tmp_path / "home"

    holder = start_holder(home / "data", command=as_user(NOBODY, home))

    uid = NOBODY if os.geteuid() == 0 else os.geteuid()

    assert uid == owner_of(f"/proc/{holder.report['postgres_pid']}")
    assert uid == owner_of(home / "data" / "postgres")


def test_runs_as_a_user_without_a_name(tmp_path: Path) -> None:
    """A bare number as user, as in containers, works where namespaces do; else it is told so."""
    home = tmp_path / "home"
    command = as_user(STRANGER, home)
    holder = Path(__file__).with_name("holder.py")

    result = subprocess.run(
        [*command, sys.executable, str(holder), str(home / "data")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    if result.returncode == 0:
        assert "database_url" in json.loads(result.stdout)
    else:
        assert f"User id {STRANGER} needs an entry in /etc/passwd" in result.stderr
