"""The guest's standard library, as files that every run shares.

The interpreter carries it as a zip archive, and to read that archive's directory, in Python, takes a third of
a start. Files in folders are found at once.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Final

from core.sandbox.result import SandboxError
from core.sandbox.wasi_files import File, Folder

BOOT_MODULE: Final = "_boot.pyc"
MAX_LIBRARY: Final = 64 * 2**20
"""Bytes of all modules; those of 3.12.0 have 8 million."""
_FIRST_INODE: Final = 2**32
"""Given files count from 1."""


def unpacked(handed_over: bytes) -> Folder:
    """The folder `/lib` from what `boot.UNPACK` hands over.

    Raises:
        SandboxError: if that is not what it should be.
    """
    size = int.from_bytes(handed_over[:4], "little")
    boot, archive = handed_over[4 : 4 + size], handed_over[4 + size :]
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            fits = sum(entry.file_size for entry in entries) <= MAX_LIBRARY
            files = {entry.filename: opened.read(entry) for entry in entries} if fits else {}
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, RuntimeError) as error:
        raise SandboxError("The interpreter's library could not be read.") from error
    if not fits:
        raise SandboxError("The interpreter's library is larger than it can be.")
    return _folder(files | {BOOT_MODULE: boot})


def _folder(files: dict[str, bytes]) -> Folder:
    inode = _FIRST_INODE
    modules = Folder(inode, {"lib-dynload": Folder(inode + 1)})
    inode += 2
    for name, data in files.items():
        here = modules
        *folders, last = name.split("/")
        for part in folders:
            inode += 1
            below = here.entries.setdefault(part, Folder(inode))
            if not isinstance(below, Folder):
                raise SandboxError("The interpreter's library could not be read.")
            here = below
        inode += 1
        here.entries[last] = File(inode, data)
    return Folder(inode + 1, {"python3.12": modules})
