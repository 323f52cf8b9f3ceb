"""`python -m deploy.health`: whether the app in this container answers; the exit status is 0 or 1.

`python -m deploy.health tcp 8786` asks whether something accepts connections at that port of this container
instead: the scheduler and the worker of a cluster do not speak HTTP. Standard library only.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Final

from deploy.serve import ServeError, port

PATH: Final = "/_stcore/health"
HOST: Final = "127.0.0.1"
_PATIENCE_S: Final = 4.0


class UnhealthyError(RuntimeError):
    """What was asked does not answer as it should: one line."""


def check_app(number: int, host: str = HOST) -> None:
    """Asks the app whether it is well.

    Raises:
        UnhealthyError: nothing answers, or something else than `ok`.
    """
    connection = HTTPConnection(host, number, timeout=_PATIENCE_S)
    try:
        connection.request("GET", PATH)
        answer = connection.getresponse()
        said = answer.read(64)
    except (OSError, HTTPException) as error:
        raise UnhealthyError(f"port {number}: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()
    if answer.status != 200 or said.strip() != b"ok":
        raise UnhealthyError(f"port {number}: {PATH} answered {answer.status}, expected 200 and ok")


def check_port(number: int, host: str = HOST) -> None:
    """Connects to a port.

    Raises:
        UnhealthyError: nothing accepts it.
    """
    try:
        socket.create_connection((host, number), timeout=_PATIENCE_S).close()
    except OSError as error:
        raise UnhealthyError(f"port {number}: {error}") from error


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Checks what the arguments name; the exit status is 1 if it is not well, and 2 for other arguments."""
    try:
        match arguments:
            case []:
                check_app(port(environment))
            case ["tcp", number]:
                check_port(port({"PORT": number}))
            case _:
                sys.stderr.write("expected no argument, or tcp and a port\n")
                return 2
    except (ServeError, UnhealthyError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
