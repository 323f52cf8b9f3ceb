"""The interpreter of the sandbox as native code, compiled once for all tests: 8 s of processor time."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from core.sandbox import FOLDER, compiled
from core.sandbox.guest import engine


@functools.cache
def folder() -> Path:
    """Where it is kept: a folder of its own that goes when this process ends. No test may change it."""
    made = Path(tempfile.mkdtemp(prefix="under-the-hood-tests-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


@functools.cache
def native() -> Path:
    """The file."""
    return compiled.find_or_compile(engine(), folder()).path


def copy_to(data: Path) -> None:
    """Gives it to a server whose data are kept in this folder."""
    kept = data / FOLDER
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copy(native(), kept)
