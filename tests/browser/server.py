"""The real server, in a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.native import copy_to

ROOT = Path(__file__).parent.parent.parent
_PATIENCE_S = 60


@dataclass(frozen=True)
class Server:
    """A running server: where it answers and where it logs."""

    url: str
    log: Path


@contextmanager
def serve(
    folder: Path, script: Path = ROOT / "app.py", environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Serve an app as `make run` does, on a free port, with a home in `folder`; stop it at the end.

    `environment` goes on top of a clean one. The settings are given there, so that no `.env` has a say.
    """
    port = _free_port()
    log = folder / "server.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("UTH_", "STREAMLIT_"))}
    clean |= {"HOME": str(folder), "TMPDIR": str(folder), "UTH_MODE": "local", "UTH_LOG_LEVEL": "INFO"}
    # A measurement in the background would slow what is tested; the test of that asks for it.
    clean |= {"UTH_DATA_DIR": str(folder / "data"), "UTH_MEASURE_AT_START": "false"}
    clean |= {"UTH_FRAME_ANCESTORS": "'self'", **(environment or {})}
    if clean["UTH_DATA_DIR"] == str(folder / "data") and script.name == "app.py":
        # Every server would compile it in the background, and slow what is tested.
        copy_to(folder / "data")
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.address", "127.0.0.1"]
    command += ["--server.port", str(port), "--server.headless", "true"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=script.parent, env=clean, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}", process, log)
        yield Server(f"http://127.0.0.1:{port}", log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{url}/_stcore/health", timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"The server did not start:\n{log.read_text(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
