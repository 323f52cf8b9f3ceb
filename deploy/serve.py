"""`python -m deploy.serve`: serves the app as its container does.

Two variables of the environment say where, as hosts of containers set them: `PORT` (8501 unless it is set)
and `ADDRESS` (every interface unless it is set). This process becomes the server: a signal to it reaches the
server. Standard library only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
ADDRESS: Final = "0.0.0.0"  # noqa: S104 - a container is reached from outside or not at all
PORT: Final = 8501
_MOST: Final = 65535
_SHOWN_LENGTH: Final = 40


class ServeError(ValueError):
    """A variable has a wrong value. The message is one line: the variable, what came, what was expected."""


def port(environment: Mapping[str, str]) -> int:
    """The port to serve on: `PORT`, or 8501 where that is unset or empty.

    Raises:
        ServeError: it is no number of a port.
    """
    named = environment.get("PORT", "").strip()
    if not named:
        return PORT
    # Not int() alone: it reads "8_501" and digits of other scripts.
    if not (
        named.isascii() and named.isdecimal() and len(named) <= len(str(_MOST)) and 1 <= int(named) <= _MOST
    ):
        came = repr(named if len(named) <= _SHOWN_LENGTH else f"{named[:_SHOWN_LENGTH]}...")
        raise ServeError(f"PORT: got {came}, expected a number from 1 to {_MOST}")
    return int(named)


def command(environment: Mapping[str, str]) -> list[str]:
    """The command that serves the app.

    Raises:
        ServeError: `PORT` is no number of a port.
    """
    address = environment.get("ADDRESS", "").strip() or ADDRESS
    options = [
        "--server.address",
        address,
        "--server.port",
        str(port(environment)),
        "--server.headless",
        "true",
    ]
    return [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *options]


def main(environment: Mapping[str, str]) -> int:
    """Becomes the server, and so returns only if it cannot: the exit status 2, after one line."""
    try:
        found = command(environment)
    except ServeError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    # Streamlit reads .streamlit/config.toml in the folder that it is started in.
    os.chdir(ROOT)
    return os.execve(found[0], found, dict(environment))  # noqa: S606 - this Python, no shell


if __name__ == "__main__":
    sys.exit(main(os.environ))
