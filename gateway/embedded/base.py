"""What both embedded servers do alike: find or start, wait until ready, stop."""

from __future__ import annotations

import asyncio
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from gateway.embedded.data_directory import DataDirectory
from gateway.embedded.errors import EmbeddedStoreError
from gateway.embedded.processes import ServerProcess, command_line, log_size, read_tail

__all__ = ["EmbeddedServer"]

_POLL_SECONDS = 0.02


class EmbeddedServer(ABC):
    """One server process on one data directory.

    `start` returns when the server answers. It adopts a server that a killed gateway has left
    behind, and starts one anew when the last one has died; it may be called again at any time.
    `stop` may be called twice, or before `start`. `settings` are added to the server's own.
    """

    name: ClassVar[str]
    stop_signals: ClassVar[tuple[signal.Signals, ...]]

    def __init__(
        self,
        directory: DataDirectory,
        *,
        settings: Mapping[str, str] | None = None,
        start_seconds_max: float = 60.0,
        stop_seconds_max: float = 20.0,
    ) -> None:
        self.settings = dict(settings or {})
        self.data = directory.path / self.name
        self.log = directory.path / f"{self.name}.log"
        self._directory = directory
        self._start_seconds_max = start_seconds_max
        self._stop_seconds_max = stop_seconds_max
        self._process: ServerProcess | None = None
        self._log_start = 0
        self._has_answered = False  # the process that runs now

    @property
    def pid(self) -> int | None:
        """The server's process while it runs."""
        process = self._process
        return process.pid if process is not None and process.is_running else None

    @property
    def was_adopted(self) -> bool:
        """Whether the server was found running."""
        return self._process is not None and self._process.is_adopted

    async def start(self) -> str:
        """Make sure that the server runs; its URL.

        Raises EmbeddedStoreError when the system does not let us, and with the end of the server's
        log when it does not come up in `start_seconds_max`.
        """
        if not self._directory.is_held:
            raise RuntimeError("the data directory is not locked: call acquire() first")
        try:
            await self._prepare()
            return await self._wait_until_ready()
        except OSError as error:
            await self.stop()
            raise EmbeddedStoreError(
                f"The embedded {self.name} cannot be started: {error}"
            ) from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the server in good order, within `stop_seconds_max`; nothing is lost either way."""
        process, self._process = self._process, None
        if process is not None:
            await process.stop(self.stop_signals, seconds_max=self._stop_seconds_max)

    def find(self) -> str | None:
        """The URL of the server that another process runs here, without starting one."""
        pid = self._find_pid()
        return self._address(pid) if pid is not None else None

    @abstractmethod
    async def _prepare(self) -> None:
        """Make the data directory ready for a server."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The program and its arguments."""

    @abstractmethod
    def _find_pid(self) -> int | None:
        """The process that serves the data directory now, going by what it wrote there."""

    @abstractmethod
    async def _try(self, pid: int) -> str | None:
        """The URL of the process once it answers, None until then."""

    @abstractmethod
    def _is_out_of_reach(self, pid: int) -> bool:
        """Whether the process serves on a socket that has gone."""

    @abstractmethod
    def _address(self, pid: int) -> str | None:
        """The URL at which the process serves."""

    def _environment(self) -> dict[str, str]:
        """Nothing of ours: a server needs none of the gateway's secrets."""
        return {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin"}

    def _will_pass(self, _output: str) -> bool:
        """Whether what ended the server at its start will be over in a moment."""
        return False

    async def _wait_until_ready(self) -> str:
        deadline = time.monotonic() + self._start_seconds_max
        while True:
            process = self._running_process()
            if process.is_adopted and self._is_out_of_reach(process.pid):
                await self.stop()
                continue
            if (url := await self._try(process.pid)) is not None:
                self._has_answered = True
                return url
            if time.monotonic() > deadline:
                raise self._failure(f"does not answer within {self._start_seconds_max:g} s")
            await asyncio.sleep(_POLL_SECONDS)

    def _running_process(self) -> ServerProcess:
        process = self._process
        if process is not None and process.is_running:
            return process
        if process is not None and not process.is_adopted and not self._has_answered:
            output = read_tail(self.log, since=self._log_start)
            if not self._will_pass(output):
                raise self._failure("ends at once")
        self._has_answered = False
        pid = self._find_pid()
        if pid is not None:
            # Not by its pid file, which it removes some moments before it has ended.
            found = command_line(pid)
            self._process = ServerProcess(pid, lambda: command_line(pid) == found != [])
        else:
            self._process = self._spawn()
        return self._process

    def _spawn(self) -> ServerProcess:
        self._log_start = log_size(self.log)
        return ServerProcess.spawn(
            self._command(),
            environment=self._environment(),
            directory=self.data,
            log=self.log,
        )

    def _failure(self, what: str) -> EmbeddedStoreError:
        output = read_tail(self.log, since=self._log_start)
        return EmbeddedStoreError(f"The embedded {self.name} {what}.\n{output}".rstrip())

    @staticmethod
    def _read(path: Path) -> list[str]:
        """The lines of a file that the server may be writing or removing right now."""
        try:
            return path.read_text(errors="replace").splitlines()
        except OSError:
            return []
