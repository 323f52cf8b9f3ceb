"""Folders that are still there after the power went."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def make(folder: Path) -> None:
    """Makes a folder, and those above it that are missing: for nobody but this user.

    Raises:
        OSError: if that cannot be done.
    """
    if folder.is_dir():
        return
    if folder.exists():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    make(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync(folder.parent)


def sync(folder: Path) -> None:
    """Puts the names that are in a folder on the disk; Windows cannot open folders.

    Raises:
        OSError: if that cannot be done.
    """
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
