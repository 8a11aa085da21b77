"""The data directory: its lock, its key and its places for sockets."""

from __future__ import annotations

import base64
import os
import stat
import tempfile
from pathlib import Path

import pytest

from gateway.embedded import DataDirectory, DataDirectoryInUse, EmbeddedStoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "data"


def test_is_private(path: Path) -> None:
    """The directory is made for its owner alone, lock file and key too."""
    with DataDirectory(path) as data:
        data.encryption_key()

        assert 0o700 == stat.S_IMODE(path.stat().st_mode)
        for name in ("lock", "encryption.key"):
            assert 0o600 == stat.S_IMODE((path / name).stat().st_mode)


def test_refuses_a_second_holder(path: Path) -> None:
    """Who comes second is told who holds the directory and what to set instead."""
    with DataDirectory(path), pytest.raises(DataDirectoryInUse) as refused:
        DataDirectory(path).acquire()

    assert os.getpid() == refused.value.holder_pid
    assert f"process {os.getpid()}" in str(refused.value)
    assert "DATABASE_URL" in str(refused.value)


def test_can_be_taken_again(path: Path) -> None:
    """A released directory is free; taking and releasing twice does no harm."""
    first = DataDirectory(path)
    first.acquire()
    first.acquire()
    first.release()
    first.release()

    with DataDirectory(path) as second:
        assert second.is_held
    assert not first.is_held


def test_names_the_setting_when_it_cannot_be_made(tmp_path: Path) -> None:
    """A path that cannot be a directory is refused with the names of the settings."""
    (tmp_path / "file").touch()

    with pytest.raises(EmbeddedStoreError, match="GATEWAY_DATA_DIR"):
        DataDirectory(tmp_path / "file" / "data").acquire()


def test_makes_a_key_once(path: Path) -> None:
    """The key is 32 random bytes, the same for every later start."""
    with DataDirectory(path) as data:
        key = data.encryption_key()

        assert 32 == len(key)
        assert key == data.encryption_key()
        assert key == DataDirectory(path).encryption_key()
        assert key == base64.b64decode((path / "encryption.key").read_text())
    with DataDirectory(path.with_name("other")) as other:
        assert key != other.encryption_key()


@pytest.mark.parametrize("content", ["", "no base64!", base64.b64encode(b"too short").decode()])
def test_never_replaces_a_damaged_key(path: Path, content: str) -> None:
    """A key file that makes no sense is an error: a new key would open nothing."""
    with DataDirectory(path) as data:
        (path / "encryption.key").write_text(content)

        with pytest.raises(EmbeddedStoreError, match=r"encryption\.key"):
            data.encryption_key()
        assert content == (path / "encryption.key").read_text()


def test_leaves_no_drafts_of_the_key(path: Path) -> None:
    """Beside the key no copy of it stays behind."""
    with DataDirectory(path) as data:
        data.encryption_key()

        assert {"lock", "encryption.key"} == {file.name for file in path.iterdir()}


@pytest.mark.parametrize("name", ["d" * 120, "a,b"])
def test_puts_sockets_elsewhere_when_it_must(tmp_path: Path, name: str) -> None:
    """A path too long for a socket, or with a comma, gets a private directory for temporaries."""
    with DataDirectory(tmp_path / name) as data:
        first, second = data.socket_directory("postgres"), data.socket_directory("postgres")
        other = DataDirectory(tmp_path / f"{name}2").socket_directory("postgres")

        assert first == second != other
        assert Path(tempfile.gettempdir()) == first.parent
        assert 0o700 == stat.S_IMODE(first.stat().st_mode)
        first.rmdir()
        other.rmdir()


def test_refuses_a_socket_directory_of_somebody_else(tmp_path: Path) -> None:
    """Where somebody was first with a directory open to all, no socket is put."""
    with DataDirectory(tmp_path / ("d" * 120)) as data:
        directory = data.socket_directory("redis")
        directory.chmod(0o755)

        with pytest.raises(EmbeddedStoreError, match="private"):
            data.socket_directory("redis")
        directory.rmdir()
