"""Our own Redis: the queue, kept in an append-only file, on a socket in a private place."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from urllib.parse import quote

from gateway.embedded.base import EmbeddedServer
from gateway.embedded.binaries import redis_binary
from gateway.embedded.processes import command_line

__all__ = ["EmbeddedRedis"]

_ANSWER_SECONDS_MAX = 1.0

# No snapshots beside the append-only file; and a full memory refuses rather than forgets.
_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
    "databases": "16",
    "loglevel": "warning",
    "logfile": "",
    "crash-log-enabled": "no",  # it would quote the command that ran
    "proc-title-template": "{title} {listen-addr}",
}


class EmbeddedRedis(EmbeddedServer):
    """Redis 6.2, reached through a Unix socket alone."""

    name = "redis"
    # SIGTERM writes out the append-only file.
    stop_signals = (signal.SIGTERM, signal.SIGKILL)

    async def _prepare(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)

    def _command(self) -> list[str]:
        settings = {
            **_SETTINGS,
            "dir": str(self.data),
            "pidfile": str(self._pid_file),
            "unixsocket": str(self._socket),
            **self.settings,
        }
        command = [str(redis_binary())]
        for name, value in settings.items():
            command += [f"--{name}", value]
        return command

    def _find_pid(self) -> int | None:
        """By its pid file, if that process is a Redis that works in our directory."""
        first = "".join(self._read(self._pid_file)[:1]).strip()
        if not first.isdigit() or "redis-server" not in " ".join(command_line(int(first))):
            return None
        return int(first) if _works_in(int(first), self.data) else None

    async def _try(self, pid: int) -> str | None:
        return self._address(pid) if await _answers(self._socket) else None

    def _is_out_of_reach(self, _pid: int) -> bool:
        """It listens before it writes its pid file."""
        return not self._socket.exists()

    def _address(self, _pid: int) -> str | None:
        return f"unix://{quote(str(self._socket))}"

    @property
    def _pid_file(self) -> Path:
        return self.data / "redis.pid"

    @property
    def _socket(self) -> Path:
        return self._directory.socket_directory(self.name) / "redis.sock"


def _works_in(pid: int, directory: Path) -> bool:
    """Where we may not look, the rest must do: a second Redis on the files would destroy them."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == directory
    except PermissionError:
        return True
    except OSError:
        return False


async def _answers(socket: Path) -> bool:
    """PONG, rather than LOADING while the append-only file is read."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS_MAX):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                writer.write(b"PING\r\n")
                return (await reader.readline()).startswith(b"+PONG")
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError):
        return False
