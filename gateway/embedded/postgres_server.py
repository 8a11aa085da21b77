"""Our own Postgres: initdb on the first start, then one server on a socket in a private place."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import asyncpg

from gateway.embedded.accounts import Account, hand_over, postgres_account
from gateway.embedded.base import EmbeddedServer
from gateway.embedded.binaries import postgres_binaries
from gateway.embedded.data_directory import DataDirectory
from gateway.embedded.errors import EmbeddedStoreError
from gateway.embedded.processes import command_line

__all__ = ["DATABASE", "EmbeddedPostgres"]

DATABASE = "gateway"
_PORT = 5432  # only names the socket: nothing listens on TCP
_INITDB_SECONDS_MAX = 120.0
_ANSWER_SECONDS_MAX = 5.0

# A small machine, and money: commits are flushed, and nothing that was in a statement is logged.
# An ERROR goes to the client that caused it; its text, DETAIL and statement may quote values.
_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "max_parallel_workers_per_gather": "0",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "jit": "off",
    "checkpoint_timeout": "15min",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": "-1",
}


class EmbeddedPostgres(EmbeddedServer):
    """Postgres 18 with a database `gateway`, reached through a Unix socket alone.

    Whoever reaches the socket is its superuser: the socket lies in a directory of mode 0700.
    """

    name = "postgres"
    # Fast: sessions are ended. Immediate: the log is replayed at the next start. Both lose nothing.
    stop_signals = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

    def __init__(
        self,
        directory: DataDirectory,
        *,
        settings: Mapping[str, str] | None = None,
        start_seconds_max: float = 60.0,
        stop_seconds_max: float = 20.0,
    ) -> None:
        super().__init__(
            directory,
            settings=settings,
            start_seconds_max=start_seconds_max,
            stop_seconds_max=stop_seconds_max,
        )
        self._binaries = postgres_binaries()
        self._account: Account | None = None
        self._socket_directory = Path()

    async def _prepare(self) -> None:
        self._account = postgres_account(self.data)
        if not (self.data / "PG_VERSION").exists():
            await asyncio.to_thread(self._initialise)
        self._check_version()
        hand_over(self.data, self._account)
        self._socket_directory = self._directory.socket_directory(self.name)
        hand_over(self._socket_directory, self._account)

    def _initialise(self) -> None:
        """Beside its final place, so that a half-made directory is never taken for a whole one."""
        uid = self._account.uid if self._account is not None else os.geteuid()
        draft = self.data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        hand_over(draft, self._account)
        command = [str(self._binaries / "initdb"), f"--pgdata={draft}", f"--username={DATABASE}"]
        command += ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-instructions"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if self.settings.get("fsync") == "off":
            command.append("--no-sync")
        result = subprocess.run(  # noqa: S603 - our own command
            self._as_account(_with_a_name(command, uid)),
            env=self._environment(),
            cwd=draft,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_INITDB_SECONDS_MAX,
            start_new_session=True,
            check=False,
        )
        if result.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            hint = "" if _has_a_name(uid) else f"\nUser id {uid} needs an entry in /etc/passwd."
            raise EmbeddedStoreError(f"initdb failed: {result.stderr.strip()}{hint}")
        draft.rename(self.data)

    def _check_version(self) -> None:
        found = "".join(self._read(self.data / "PG_VERSION"))
        if found != "18":
            raise EmbeddedStoreError(
                f"{self.data} was made by Postgres {found or '(unknown)'}, this gateway brings 18: "
                "move the data with pg_dump and pg_restore"
            )

    def _command(self) -> list[str]:
        settings = {
            **_SETTINGS,
            "port": str(_PORT),
            "unix_socket_directories": '"{}"'.format(
                str(self._socket_directory).replace('"', '""')
            ),
            **self.settings,
        }
        command = [str(self._binaries / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return self._as_account(command)

    def _environment(self) -> dict[str, str]:
        """After a crash the number in postmaster.pid may be another process's by now.

        Postgres would refuse to start beside it; pg_ctl's variable tells it that the process is
        no server. Whether memory of a former server is still in use it checks all the same.
        """
        environment = super()._environment()
        stale = self._read(self.data / "postmaster.pid")[:1]
        if stale:
            environment["PG_GRANDPARENT_PID"] = stale[0]
        return environment

    def _as_account(self, command: list[str]) -> list[str]:
        return self._account.command(command) if self._account is not None else command

    def _find_pid(self) -> int | None:
        lines = self._read(self.data / "postmaster.pid")
        if not lines or not lines[0].strip().isdigit():
            return None
        pid = int(lines[0])
        command = command_line(pid)
        is_postgres = bool(command) and Path(command[0]).name == "postgres"
        return pid if is_postgres and str(self.data) in command else None

    async def _try(self, pid: int) -> str | None:
        """Ready is also a server whose sessions are about to be ended by another one's crash."""
        socket = self._socket_of(pid) if self._says_ready(pid) else None
        if socket is None:
            return None
        try:
            await _ensure_database(socket)
        except (OSError, TimeoutError, asyncpg.PostgresConnectionError):
            return None
        except (asyncpg.CannotConnectNowError, asyncpg.CrashShutdownError):
            return None
        return _dsn(socket, DATABASE)

    def _says_ready(self, pid: int) -> bool:
        lines = self._read(self.data / "postmaster.pid")
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _is_out_of_reach(self, pid: int) -> bool:
        """Only once it is ready: before that it may not have made its socket yet."""
        socket = self._socket_of(pid) if self._says_ready(pid) else None
        return socket is not None and not socket.exists()

    def _socket_of(self, pid: int) -> Path | None:
        """Lines of postmaster.pid: pid, data directory, start time, port, socket directory."""
        lines = self._read(self.data / "postmaster.pid")
        if len(lines) < 5 or lines[0] != str(pid) or not lines[4]:
            return None
        return Path(lines[4]) / f".s.PGSQL.{lines[3]}"

    def _address(self, pid: int) -> str | None:
        socket = self._socket_of(pid)
        return _dsn(socket, DATABASE) if socket is not None else None

    def _will_pass(self, output: str) -> bool:
        """The processes of a server that was killed end a moment after it."""
        return "pre-existing shared memory block" in output


async def _ensure_database(socket: Path) -> None:
    """Create the database, unless an earlier start has got as far as that."""
    try:
        connection = await _connect(socket, DATABASE)
    except asyncpg.InvalidCatalogNameError:
        connection = await _connect(socket, "postgres")
        await connection.execute(f"CREATE DATABASE {DATABASE}")
    await connection.close()


async def _connect(socket: Path, database: str) -> asyncpg.Connection[asyncpg.Record]:
    return await asyncpg.connect(_dsn(socket, database), timeout=_ANSWER_SECONDS_MAX)


def _dsn(socket: Path, database: str) -> str:
    port = socket.name.rpartition(".")[2]
    return f"postgresql://{DATABASE}@/{database}?host={quote(str(socket.parent))}&port={port}"


def _with_a_name(command: list[str], uid: int) -> list[str]:
    """initdb wants its user's name, and in a container a bare number may be all there is.

    A user namespace that calls the number nobody gives it one, where the system allows it.
    """
    if _has_a_name(uid) or shutil.which("unshare") is None:
        return command
    nobody = pwd.getpwnam("nobody").pw_uid
    return ["unshare", "--user", f"--map-user={nobody}", *command]


def _has_a_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
