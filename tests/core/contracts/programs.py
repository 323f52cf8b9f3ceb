"""Runs the lab's programs: with the interpreter that runs the tests, and in the sandbox."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from core import sandbox

_REFUSAL = re.compile(r"without an implementation for (abstract methods? '[\w', ]+')")


class Printed(NamedTuple):
    """What a program printed, and its exit code."""

    stdout: str
    stderr: str
    code: int | None


def in_host(program: str, folder: Path, files: Mapping[str, bytes] | None = None) -> Printed:
    """Runs a program of ours in a process, with its files in its working folder."""
    for name, data in (files or {}).items():
        (folder / name).write_bytes(data)
    found = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    return Printed(found.stdout, found.stderr, found.returncode)


def in_sandbox(program: str, files: Mapping[str, bytes] | None = None) -> Printed:
    """Runs a program in the sandbox, whose Python is 3.12."""
    found = sandbox.run(program, files=files)
    assert found.limit is None
    assert not found.crash
    return Printed(found.stdout, found.stderr, found.exit_code)


def worded(text: str) -> str:
    """What Python 3.12 prints, as the Python that runs the tests words it: 3.11 refuses in other words."""
    if sys.version_info >= (3, 12):
        return text
    return _REFUSAL.sub(lambda found: f"with {found[1].replace(chr(39), '')}", text)
