"""The app as it is in its image: the files that a build sends, read-only, run by the user of the image."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.process import ROOT
from tests.deploy.dockerfile import parse
from tests.deploy.dockerignore import context

USER = 1000
PATIENCE_S = 60


@dataclass(frozen=True)
class Container:
    """A running one: its app, where it may write, where it answers and what it said."""

    app: Path
    tmp: Path
    data: Path
    port: int
    log: Path
    process: subprocess.Popen[bytes]

    def health(self) -> subprocess.CompletedProcess[str]:
        """The health check of the Dockerfile."""
        last = parse((ROOT / "Dockerfile").read_text(encoding="utf-8")).last
        words = parse(f"FROM a\nCMD {last.only('HEALTHCHECK').text.partition('CMD ')[2]}").last.only("CMD")
        command = [sys.executable if word == "python" else word for word in words.exec_form()]
        return subprocess.run(
            [*_as_user(), *command],
            cwd=self.app,
            env=_environment(self.tmp, self.data, self.port),
            capture_output=True,
            text=True,
            check=False,
        )

    def may_write(self, path: Path) -> bool:
        """Whether the image's user can open a file for writing."""
        program = "import sys; open(sys.argv[1], 'ab').close()"
        done = subprocess.run(
            [*_as_user(), sys.executable, "-c", program, str(path)], capture_output=True, check=False
        )
        assert done.returncode == 0 or b"PermissionError" in done.stderr, done.stderr
        return done.returncode == 0

    def stop(self) -> int:
        """`docker stop`: SIGTERM, and the exit status when it has ended."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@contextmanager
def run() -> Iterator[Container]:
    """Starts it, and ends it when it is left; nothing stays of it."""
    with tempfile.TemporaryDirectory(prefix="image-", dir=_public_folder()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with _run(folder) as container:
            yield container


@contextmanager
def _run(folder: Path) -> Iterator[Container]:
    app, tmp, data = folder / "app", folder / "tmp", folder / "data"
    for path in context(ROOT):
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, app / path)
    tmp.mkdir()
    data.mkdir()
    if os.geteuid() == 0:
        os.chown(tmp, USER, USER)
        os.chown(data, USER, USER)
    _set_modes(app, folders=0o555, files=0o444)
    port, log = _free_port(), folder / "log"
    words = parse((ROOT / "Dockerfile").read_text(encoding="utf-8")).last.only("CMD").exec_form()
    command = [sys.executable if word == "python" else word for word in words]
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*_as_user(), *command],
                cwd=app,
                env=_environment(tmp, data, port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            yield Container(app, tmp, data, port, log, process)
        finally:
            process.kill()
            process.wait()
    finally:
        _set_modes(app, folders=0o755, files=0o644)


def wait_until_healthy(container: Container) -> None:
    end = time.monotonic() + PATIENCE_S
    while (said := container.health()).returncode:
        assert container.process.poll() is None, container.log.read_text(errors="replace")
        assert time.monotonic() < end, said.stderr
        time.sleep(0.1)


def _environment(tmp: Path, data: Path, port: int) -> dict[str, str]:
    """What the Dockerfile sets, at this place, and nothing of this process's."""
    text = parse((ROOT / "Dockerfile").read_text(encoding="utf-8")).last.only("ENV").text
    given = dict(word.split("=", 1) for word in text.split())
    given = {name: value.replace("/tmp", str(tmp)) for name, value in given.items()}  # noqa: S108
    given |= {"PATH": os.environ["PATH"], "TMPDIR": str(tmp), "UTH_DATA_DIR": str(data), "PORT": str(port)}
    return given | {"ADDRESS": "127.0.0.1", "UTH_MEASURE_AT_START": "false"}


def _as_user() -> list[str]:
    """What makes a command run as the image's user, where this process may choose.

    That user may read every file, since the interpreter of a test may be in a folder that is root's alone;
    it may write none but its own, as in the image.
    """
    if os.geteuid() != 0:
        return []
    capability = "--{}=-all,+dac_read_search"
    return [
        "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs",
        *(capability.format(of) for of in ("inh-caps", "ambient-caps", "bounding-set")),
    ]  # fmt: skip


def _public_folder() -> str:
    """A folder for temporary files that every user may pass through; pytest's are their owner's alone.

    To read a file the capability is enough; `os.access`, which alembic asks, does not count it.
    """
    for name in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - for folders with names of their own
        place = Path(name).resolve()
        if all(one.stat().st_mode & stat.S_IXOTH for one in (place, *place.parents)):
            return name
    raise RuntimeError("There is no folder for temporary files that every user may pass through.")


def _set_modes(folder: Path, *, folders: int, files: int) -> None:
    for place, _, names in os.walk(folder, topdown=False):
        for name in names:
            os.chmod(Path(place, name), files)  # noqa: PTH101 - a link would be followed by neither
        os.chmod(place, folders)  # noqa: PTH101


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
