"""The interpreter as native code: compiled once, kept in a folder that nobody else can write to.

Whoever could put a file there would have it run outside of the sandbox. So the folder and the file must be
this user's alone, and the file's name holds the SHA-256 of what is in it: wasmtime itself does not see that a
byte of the code is another one.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.process import ProcessError, alone
from core.sandbox import runtime
from core.sandbox.result import SandboxError

if TYPE_CHECKING:
    import wasmtime

UNUSED_SECONDS: Final = 30 * 24 * 3600.0
"""For how long a file that is not used, of another version, is kept."""
_SUFFIX: Final = ".cwasm"
_UNFINISHED: Final = ".part"
_UNFINISHED_SECONDS: Final = 3600.0
_EMPTY_MODULE: Final = b"\0asm\1\0\0\0"
_LOG: Final = logging.getLogger(__name__)


class UnsafeFolderError(SandboxError):
    """A folder in which native code may not be kept: one line."""


class DamagedError(SandboxError):
    """A file of native code that is not what its name says, or not there any more."""


@dataclass(frozen=True)
class Compiled:
    """Native code on the disk.

    Attributes:
        path: the file; its name ends in the SHA-256 of what is in it.
        seconds: what compiling it took; 0.0 if it was there.
    """

    path: Path
    seconds: float = 0.0


def find_or_compile(engine: wasmtime.Engine, folder: Path, interpreter: Path | None = None) -> Compiled:
    """Native code for this engine and this processor; compiled only if there is none, or it is damaged.

    Several processes may ask at once: one compiles, and the others wait for it.

    Args:
        engine: with the configuration that it will run with.
        folder: where it is kept.
        interpreter: the interpreter's file; by default the one in its package.

    Raises:
        UnsafeFolderError: if it may not be kept there.
        NoRuntimeError: if there is no interpreter, or another than the expected one.
        OSError: if it cannot be written.
    """
    check_folder(folder)
    key = fingerprint(engine)
    found = _find(engine, folder, key)
    if found is not None:
        return found
    with _locked(folder):
        return _find(engine, folder, key) or _compile(engine, folder, key, interpreter)


def load(engine: wasmtime.Engine, path: Path) -> wasmtime.Module:
    """The module in a file that `find_or_compile` gave.

    Raises:
        DamagedError: if it is not what it was, or cannot be used by this engine.
        UnsafeFolderError: if somebody else may write where it is.
    """
    import wasmtime

    check_folder(path.parent)
    with _open(path) as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != _digest(path):
            raise DamagedError("The compiled interpreter is damaged.")
        # What was checked is what is loaded, whatever has the name by now; not every system can say so.
        open_file = Path(f"/proc/self/fd/{file.fileno()}")
        try:
            return wasmtime.Module.deserialize_file(engine, str(open_file if open_file.exists() else path))
        except wasmtime.WasmtimeError:
            pass
        try:
            # A file system that holds no programs (`noexec`) refuses to map it as one.
            file.seek(0)
            return wasmtime.Module.deserialize(engine, file.read())
        except wasmtime.WasmtimeError:
            raise DamagedError("The compiled interpreter is for another engine.") from None


def fingerprint(engine: wasmtime.Engine) -> str:
    """What native code depends on: the interpreter, wasmtime's version, the engine's options, the processor.

    An empty module that is compiled says the last three, in the words that wasmtime compares by.
    """
    import wasmtime

    options = bytes(wasmtime.Module(engine, _EMPTY_MODULE).serialize())
    parts = (metadata.version("wasmtime").encode(), runtime.SHA256.encode(), options)
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def check_folder(folder: Path) -> None:
    """Makes a folder for nobody but this user, or sees that it is one.

    Raises:
        UnsafeFolderError: if it is none, or others may write to it.
    """
    try:
        _make(folder)
        status = folder.lstat()
    except OSError as error:
        why = os.strerror(error.errno or errno.EIO)
        raise UnsafeFolderError(f"The folder {folder.name} for the sandbox cannot be made: {why}.") from None
    if not stat.S_ISDIR(status.st_mode):
        raise UnsafeFolderError(f"{folder.name}, for the sandbox, is no folder of its own.")
    if not _is_mine(status, 0o077):
        raise UnsafeFolderError(
            f"The folder {folder.name} for the sandbox is open to others (mode {status.st_mode & 0o777:o}); "
            "expected 700 and this server's user."
        )


def _make(folder: Path) -> None:
    if not folder.parent.is_dir():
        _make(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)


def _is_mine(status: os.stat_result, forbidden: int) -> bool:
    """Whether it belongs to this user and has none of some permissions; Windows has no such ones."""
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & forbidden


def _find(engine: wasmtime.Engine, folder: Path, key: str) -> Compiled | None:
    for path in folder.glob(f"{key}-*{_SUFFIX}"):
        try:
            load(engine, path)
        except DamagedError as error:
            _LOG.warning("%s It is compiled anew.", error)
            with suppress(OSError):
                path.unlink()
            continue
        with suppress(OSError):
            # So that it counts as used.
            os.utime(path)
        return Compiled(path)
    return None


def _compile(engine: wasmtime.Engine, folder: Path, key: str, interpreter: Path | None) -> Compiled:
    import wasmtime

    wasm = runtime.interpreter(interpreter)
    start = time.monotonic()
    with _not_beside_measurements():
        code = bytes(wasmtime.Module(engine, wasm).serialize())
    seconds = time.monotonic() - start
    path = folder / f"{key}-{hashlib.sha256(code).hexdigest()}{_SUFFIX}"
    _write(path, code)
    _tidy(folder)
    return Compiled(path, seconds)


@contextmanager
def _not_beside_measurements() -> Iterator[None]:
    """Keeps measurements from beginning; does not wait for one that goes on, as visitors wait for this."""
    with ExitStack() as stack:
        with suppress(ProcessError, OSError):
            stack.enter_context(alone(lambda: None, patience=0.0))
        yield


def _write(path: Path, data: bytes) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}{_UNFINISHED}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with suppress(FileNotFoundError):
        unfinished.unlink()
    try:
        with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def _tidy(folder: Path) -> None:
    """Removes what a process that was killed has left, and what no version has used for long."""
    now = time.time()
    for pattern, age in ((f"*{_UNFINISHED}", _UNFINISHED_SECONDS), (f"*{_SUFFIX}", UNUSED_SECONDS)):
        for path in folder.glob(pattern):
            with suppress(OSError):
                if now - path.lstat().st_mtime > age:
                    path.unlink()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time; where the system has no locks, all at once, and the last one's file stays."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> BufferedReader:
    """Opens a file that is this user's own, and no link."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        raise DamagedError("The compiled interpreter cannot be read.") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or not _is_mine(status, 0o022):
        os.close(descriptor)
        raise DamagedError("The compiled interpreter is not this server's own file.")
    return os.fdopen(descriptor, "rb")


def _digest(path: Path) -> str:
    return path.name.removesuffix(_SUFFIX).rpartition("-")[2]
