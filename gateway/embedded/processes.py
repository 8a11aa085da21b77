"""A server's process, whether we started it or found it running."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["ServerProcess", "command_line", "log_size", "read_tail"]

_POLL_SECONDS = 0.02
_LOG_BYTES_MAX = 4 * 1024 * 1024


class ServerProcess:
    """A process that is watched and ended the same way, child or not."""

    def __init__(
        self, pid: int, is_running: Callable[[], bool], *, is_adopted: bool = True
    ) -> None:
        self.pid = pid
        self.is_adopted = is_adopted
        self._is_running = is_running

    @classmethod
    def spawn(
        cls, command: Sequence[str], *, environment: Mapping[str, str], directory: Path, log: Path
    ) -> ServerProcess:
        """Start `command` in a session of its own: a Ctrl-C at our terminal does not reach it.

        Its output is appended to `log`.
        """
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            child = subprocess.Popen(  # noqa: S603 - our own command
                command,
                env=environment,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
                umask=0o077,
            )
        finally:
            os.close(descriptor)
        return cls(child.pid, lambda: child.poll() is None, is_adopted=False)

    @property
    def is_running(self) -> bool:
        """Whether it is alive; a child that has ended is reaped."""
        return self._is_running()

    async def stop(self, signals: Sequence[signal.Signals], *, seconds_max: float) -> None:
        """Send the signals one after the other, each with an equal part of the time, till it ends.

        Raises TimeoutError when it outlives them all.
        """
        for number in signals:
            if not self.is_running:
                return
            os.kill(self.pid, number)
            if await self._ended(seconds_max / len(signals)):
                return
        raise TimeoutError(f"process {self.pid} does not end")

    async def _ended(self, seconds_max: float) -> bool:
        deadline = time.monotonic() + seconds_max
        while self.is_running:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True


def command_line(pid: int) -> list[str]:
    """The arguments of a process, its program first; empty when it has ended."""
    try:
        content = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(argument) for argument in content.split(b"\0") if argument]


def log_size(log: Path) -> int:
    """Bytes in the log; one that has grown large is set aside first, and the last such dropped."""
    if not log.exists():
        return 0
    size = log.stat().st_size
    if size <= _LOG_BYTES_MAX:
        return size
    log.replace(log.with_suffix(".log.old"))
    return 0


def read_tail(log: Path, *, since: int, lines_max: int = 8) -> str:
    """The last lines that were written to `log` after its byte `since`."""
    try:
        content = log.read_bytes()[since:]
    except OSError:
        return ""
    return "\n".join(content.decode(errors="replace").splitlines()[-lines_max:])
