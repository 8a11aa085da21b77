"""Who runs Postgres: it refuses to run as root, so root hands it to another user."""

from __future__ import annotations

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from gateway.embedded.errors import EmbeddedStoreError

__all__ = ["Account", "hand_over", "postgres_account"]

_STAND_INS = ("postgres", "nobody")
# Either lets the server pass parent directories that only root may enter, such as /root, so that
# they need not be opened to everybody. Containers often lack the first, which can only read.
_PASSING_CAPABILITIES = {"dac_read_search": 2, "dac_override": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user and group that a server runs under when the gateway itself is root."""

    uid: int
    gid: int

    def command(self, program: list[str]) -> list[str]:
        """`program`, run under this account.

        Raises EmbeddedStoreError without setpriv.
        """
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise EmbeddedStoreError(
                "Postgres does not run as root, and setpriv (package util-linux), which would run "
                "it as another user, is missing. Run the gateway as an ordinary user, or set "
                "DATABASE_URL."
            )
        identity = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        return [setpriv, *identity, *_capability_options(), *program]


def postgres_account(data: Path) -> Account | None:
    """The account for the server on `data`; None when it runs as whoever we are.

    Raises EmbeddedStoreError when it belongs to somebody whose place we cannot take.
    """
    owner = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            raise EmbeddedStoreError(
                f"{data} belongs to user id {owner.st_uid}, the gateway runs as user id "
                f"{os.geteuid()}: run it as that user, or as root"
            )
        return None
    if owner is not None and owner.st_uid != 0:
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    return _stand_in()


def hand_over(path: Path, account: Account | None) -> None:
    """Give `path`, and all in it, to the account; a copy made by root is mended this way.

    Raises EmbeddedStoreError where root may not do what root usually may.
    """
    if account is None or path.lstat().st_uid == account.uid:
        return
    try:
        path.chmod(0o700)  # first, because only owners may
        for directory, _, files in os.walk(path):
            for file in files:
                os.chown(Path(directory, file), account.uid, account.gid, follow_symlinks=False)
            os.chown(directory, account.uid, account.gid)
    except OSError as error:
        raise EmbeddedStoreError(
            f"Postgres does not run as root, and {path} cannot be given to user id {account.uid} "
            f"({error.strerror}). Run the gateway as an ordinary user, or set DATABASE_URL."
        ) from error


def _stand_in() -> Account:
    for name in _STAND_INS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedStoreError(
        "Postgres does not run as root, and there is neither a user postgres nor nobody to run it "
        "as. Run the gateway as an ordinary user, or set DATABASE_URL."
    )


def _capability_options() -> list[str]:
    permitted = _permitted_capabilities()
    for name, bit in _PASSING_CAPABILITIES.items():
        if permitted & 1 << bit:
            return [f"--inh-caps=+{name}", f"--ambient-caps=+{name}"]
    return []


def _permitted_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0
