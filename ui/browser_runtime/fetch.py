"""`python -m ui.browser_runtime.fetch`: downloads the runtime for browsers, checks it, and puts it in place.

Nothing is unpacked before the whole archive has the pinned hash, and the folder appears complete or not at
all. The registry is npm's, or the one that `npm_config_registry` names. npm itself is not needed.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from ui.browser_runtime.assets import ROOT, RUNTIME, Package, Runtime

REGISTRY: Final = "https://registry.npmjs.org"
_CHUNK: Final = 2**16
# Seconds without a single byte.
_PATIENCE_S: Final = 30


class FetchError(ValueError):
    """The runtime could not be had: one line with what came, what was expected and what to do."""


def registry(environment: Mapping[str, str]) -> str:
    """The registry's address, from npm's own variable or the public one.

    Raises:
        FetchError: if the variable holds no http or https address, or one with a password in it.
    """
    named = environment.get("npm_config_registry") or environment.get("NPM_CONFIG_REGISTRY") or REGISTRY
    try:
        parts = urlsplit(named)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not usable:
        # Not shown: it may hold a password.
        raise FetchError("npm_config_registry holds no plain http or https address: correct it or unset it.")
    return named.rstrip("/")


def fetch(runtime: Runtime = RUNTIME, address: str = REGISTRY) -> str:
    """Makes sure that the runtime is in its folder, and says what was done.

    Args:
        runtime: what to get and where to put it.
        address: the registry.

    Raises:
        FetchError: one line; the folder is as it was.
    """
    package, folder = runtime.package, runtime.folder
    if runtime.is_whole():
        return f"{package.name} {package.version} is already there: {_shown(folder)}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as name:
            scratch = Path(name)
            archive = scratch / "package.tgz"
            _download(package, address, archive)
            fresh = scratch / "fresh"
            fresh.mkdir()
            _unpack(package, archive, fresh)
            # Another fetch may have been faster.
            if not runtime.is_whole():
                if folder.exists():
                    folder.rename(scratch / "old")
                fresh.rename(folder)
    except OSError as error:
        why = error.strerror or str(error)
        raise FetchError(
            f"Cannot write below {_shown(folder.parent)}: {why}. Make room or allow it."
        ) from error
    return f"{package.name} {package.version} is in {_shown(folder)}"


def _download(package: Package, address: str, archive: Path) -> None:
    digest = hashlib.sha512()
    size = 0
    with archive.open("wb") as opened:
        for chunk in _received(address + package.path):
            size += len(chunk)
            if size > package.size:
                break
            digest.update(chunk)
            opened.write(chunk)
    if size != package.size:
        came = f"more than {package.size}" if size > package.size else f"{size}"
        raise FetchError(
            f"The download has {came} bytes, {package.name} {package.version} has {package.size}. "
            "Nothing was unpacked; try again."
        )
    if base64.b64encode(digest.digest()).decode() != package.sha512:
        raise FetchError(
            f"The download is not {package.name} {package.version}: its sha512 is another. "
            "Nothing was unpacked; try another registry."
        )


def _received(url: str) -> Iterator[bytes]:
    parts = urlsplit(url)
    try:
        with urlopen(url, timeout=_PATIENCE_S) as response:  # noqa: S310 - `registry` allows http and https only
            while chunk := response.read(_CHUNK):
                yield chunk
    except HTTPError as error:
        raise FetchError(
            f"{parts.hostname} answered {error.code} for {parts.path}. Name another registry in "
            "npm_config_registry, or try later."
        ) from error
    except (OSError, HTTPException) as error:
        raise FetchError(
            f"Cannot download from {parts.hostname}: {_reason(error)}. Look at the network, or name a "
            "registry that can be reached in npm_config_registry."
        ) from error


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(words).split())[:200]


def _unpack(package: Package, archive: Path, folder: Path) -> None:
    wanted = {file.member: file for file in package.files}
    found = set()
    try:
        with tarfile.open(archive, "r:gz") as packed:
            for member in packed:
                file = wanted.get(member.name)
                stream = packed.extractfile(member) if file is not None and member.isreg() else None
                if file is None or stream is None:
                    continue
                with (folder / file.name).open("w+b") as opened:
                    shutil.copyfileobj(stream, opened)
                    opened.seek(0)
                    if hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256:
                        found.add(file)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise FetchError(f"The archive of {package.name} cannot be read: {_reason(error)}.") from error
    missing = [file.member for file in package.files if file not in found]
    if missing:
        raise FetchError(f"The archive of {package.name} lacks {missing[0]} with the pinned content.")


def _shown(folder: Path) -> str:
    return str(folder.relative_to(ROOT)) if folder.is_relative_to(ROOT) else str(folder)


def main(environment: Mapping[str, str], runtime: Runtime = RUNTIME) -> int:
    """Fetches and says so in one line; the exit status is 1 if that failed."""
    try:
        sys.stdout.write(f"{fetch(runtime, registry(environment))}\n")
    except FetchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
