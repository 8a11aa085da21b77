"""The directory that holds everything an embedded gateway must not lose: stores and key."""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from pathlib import Path
from types import TracebackType

from gateway.embedded.errors import DataDirectoryInUse, EmbeddedStoreError

__all__ = ["DataDirectory"]

_SOCKET_PATH_BYTES_MAX = 107  # sun_path of unix(7) less its final zero byte
_SOCKET_NAME_BYTES_MAX = 24  # the longest name that a store gives its socket, and a slash
_KEY_BYTES = 32


class DataDirectory:
    """One gateway's directory on disk, locked while the gateway runs.

    Directories are made with mode 0700, files with 0600; what is there already keeps its mode.
    The lock is the kernel's: it ends with the process that holds it, however that ends.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).expanduser().resolve()
        self._lock: int | None = None

    def __enter__(self) -> DataDirectory:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock is not None

    def acquire(self) -> None:
        """Create the directory if needed and take its lock; nothing to do when it is held.

        Raises DataDirectoryInUse when another gateway holds it, EmbeddedStoreError when the
        directory cannot be written.
        """
        if self._lock is not None:
            return
        descriptor = self._open_lock_file()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).strip()
            os.close(descriptor)
            raise DataDirectoryInUse(self.path, int(holder) if holder.isdigit() else None) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        self._lock = descriptor

    def release(self) -> None:
        """Give the lock back; nothing to do when it is not held.

        The file stays: whoever removes a lock file may remove another's lock.
        """
        if self._lock is None:
            return
        os.ftruncate(self._lock, 0)
        os.close(self._lock)
        self._lock = None

    def encryption_key(self) -> bytes:
        """The gateway's 32 bytes of key, kept as base64 in `encryption.key`; made on first use.

        Raises EmbeddedStoreError when the file does not hold such a key: a new one would open
        nothing that was sealed before.
        """
        path = self.path / "encryption.key"
        if not path.exists():
            self._create_key(path)
        try:
            key = base64.b64decode(path.read_bytes().strip(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != _KEY_BYTES:
            raise EmbeddedStoreError(f"{path} does not hold {_KEY_BYTES} bytes as base64")
        return key

    def socket_directory(self, store: str) -> Path:
        """A private directory for the store's socket, whose path is short enough for one.

        Raises EmbeddedStoreError when somebody else has taken its place.
        """
        directory = self.path / "run" / store
        length = len(os.fsencode(directory)) + _SOCKET_NAME_BYTES_MAX
        if length > _SOCKET_PATH_BYTES_MAX or "," in str(
            directory
        ):  # a URL lists hosts with commas
            digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
            directory = Path(tempfile.gettempdir()) / f"gateway-{digest}-{store}"
        else:
            directory.parent.mkdir(mode=0o700, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        self._check_private(directory)
        return directory

    def _open_lock_file(self) -> int:
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedStoreError(
                f"The data directory {self.path} cannot be written ({error.strerror}). "
                "Set GATEWAY_DATA_DIR to a directory of your own, or DATABASE_URL and REDIS_URL."
            ) from error

    def _create_key(self, path: Path) -> None:
        """Written whole or not at all, and never over a key that is there."""
        draft = path.with_name(f"encryption.key.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return  # another process was first: its key counts
        finally:
            draft.unlink()
        _sync_directory(path.parent)

    def _check_private(self, directory: Path) -> None:
        """In a directory for temporary files anybody could have been there first."""
        status = directory.lstat()
        owners = {os.geteuid(), *_owner_of(self.path / "postgres")}
        is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid in owners
        if not is_ours or status.st_mode & 0o077:
            raise EmbeddedStoreError(
                f"{directory} is not a private directory of the gateway's user; remove it"
            )


def _owner_of(path: Path) -> set[int]:
    return {path.stat().st_uid} if path.exists() else set()


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
