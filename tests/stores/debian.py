"""Postgres and Redis as Debian packages them: older and newer than the embedded ones."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from gateway.embedded.accounts import hand_over, postgres_account
from tests.stores.certificates import make_certificates

NEEDS = "install the packages postgresql and redis-server: scripts/test-setup does"


class DebianStores:
    """Both servers on loopback TCP, with TLS and a password, and nothing without."""

    def __init__(self, directory: Path) -> None:
        self._password = secrets.token_urlsafe(16)
        self._directory = directory
        self.certificates = make_certificates(directory)
        self._postgres_port, self._redis_port = free_ports(2)
        self._processes = [self._start_postgres(directory / "postgres"), self._start_redis()]
        wait_until(self._postgres_answers)
        wait_until(self._redis_listens)

    def database_url(self, *, host: str = "localhost", sslmode: str = "verify-full") -> str:
        return (
            f"postgresql://owner:{self._password}@{host}:{self._postgres_port}/postgres"
            f"?sslmode={sslmode}&sslrootcert={self.certificates.authority}"
        )

    def redis_url(self, *, scheme: str = "rediss", host: str = "localhost") -> str:
        tls = f"?ssl_ca_certs={self.certificates.authority}" if scheme == "rediss" else ""
        return f"{scheme}://:{self._password}@{host}:{self._redis_port}/0{tls}"

    def close(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(timeout=20)

    def _postgres_answers(self) -> bool:
        command = [postgres_directory() / "pg_isready", "--quiet", "--host=localhost"]
        asked = subprocess.run([*command, f"--port={self._postgres_port}"], check=False)
        return asked.returncode == 0

    def _redis_listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._redis_port)).close()
        except OSError:
            return False
        return True

    def _start_postgres(self, data: Path) -> subprocess.Popen[bytes]:
        account = postgres_account(data)
        data.mkdir(mode=0o700)
        password_file = self._directory / "password"
        password_file.write_text(self._password)
        key = self._directory / "postgres.key"  # Postgres wants to own the key that it reads
        shutil.copy(self.certificates.server_key, key)
        for path in (data, password_file, key):
            hand_over(path, account)
        key.chmod(0o600)
        as_account = account.command if account is not None else list
        binaries = postgres_directory()
        options = ["--username=owner", f"--pwfile={password_file}", "--auth=scram-sha-256"]
        options += ["--encoding=UTF8", "--no-sync"]
        subprocess.run(
            as_account([str(binaries / "initdb"), "-D", str(data), *options]),
            cwd=data,
            check=True,
            capture_output=True,
        )
        (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self._postgres_port,
            "unix_socket_directories": "",
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": self.certificates.server,
            "ssl_key_file": key,
        }
        command = [str(binaries / "postgres"), "-D", str(data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return self._spawn(as_account(command), data, "postgres")

    def _start_redis(self) -> subprocess.Popen[bytes]:
        command = [program("redis-server"), "--port", "0", "--tls-port", str(self._redis_port)]
        command += ["--bind", "127.0.0.1", "--save", "", "--requirepass", self._password]
        command += ["--tls-cert-file", str(self.certificates.server)]
        command += ["--tls-key-file", str(self.certificates.server_key)]
        command += ["--tls-ca-cert-file", str(self.certificates.authority)]
        command += ["--tls-auth-clients", "no"]
        return self._spawn(command, self._directory, "redis")

    def _spawn(self, command: list[str], place: Path, name: str) -> subprocess.Popen[bytes]:
        with (self._directory / f"{name}.log").open("wb") as log:
            return subprocess.Popen(command, cwd=place, stdout=log, stderr=log)


def postgres_directory() -> Path:
    """Where Debian keeps the newest Postgres it has installed."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = sorted(versions, key=lambda path: float(path.parts[-3]))
    return found[-1].parent if found else Path(program("initdb")).parent


def program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"{name} is missing: {NEEDS}"
    return found


def free_ports(count: int) -> list[int]:
    """Ports that the system had free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


def wait_until(condition: Callable[[], bool], within_seconds: float = 60.0) -> None:
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not so in time: {condition.__name__}"
        time.sleep(0.01)
