"""The runtime's files: which they are, where they lie, and whether they are what they should be."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class PinnedFile:
    """One file that the browser needs.

    Attributes:
        member: its name inside the package.
        size: in bytes.
        sha256: as hexadecimal digits.
        media_type: what it is served as.
    """

    member: str
    size: int
    sha256: str
    media_type: str

    @property
    def name(self) -> str:
        """Its name in the folder and in the address."""
        return self.member.rpartition("/")[2]


@dataclass(frozen=True)
class Package:
    """A package of npm's registry.

    Attributes:
        name: as the registry has it.
        version: exactly this one.
        size: of the archive, in bytes.
        sha512: of the archive, in base64, as the registry and lock files write it.
        files: those that are taken out of it.
    """

    name: str
    version: str
    size: int
    sha512: str
    files: tuple[PinnedFile, ...]

    @property
    def path(self) -> str:
        """Where the archive is, below the registry's address."""
        return f"/{self.name}/-/{self.name}-{self.version}.tgz"


@dataclass(frozen=True)
class Runtime:
    """A package and the folder that its files belong in."""

    package: Package
    folder: Path

    @property
    def prefix(self) -> str:
        """Where the files are served; a new version has new addresses."""
        return f"/browser-runtime/{self.package.version}"

    def path(self, file: PinnedFile) -> Path:
        """Where a file belongs."""
        return self.folder / file.name

    def is_whole(self) -> bool:
        """Whether all files are there and have the pinned content. Reads all of them."""
        return all(self._matches(file) for file in self.package.files)

    def _matches(self, file: PinnedFile) -> bool:
        try:
            with self.path(file).open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest() == file.sha256
        except OSError:
            return False


RUNTIME: Final = Runtime(
    Package(
        name="onnxruntime-web",
        version="1.30.0",
        size=33_106_585,
        sha512="q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
        files=(
            PinnedFile(
                "package/dist/ort.wasm.min.mjs",
                50_126,
                "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
                "text/javascript",
            ),
            PinnedFile(
                "package/dist/ort-wasm-simd-threaded.mjs",
                24_381,
                "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
                "text/javascript",
            ),
            PinnedFile(
                "package/dist/ort-wasm-simd-threaded.wasm",
                14_239_897,
                "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
                "application/wasm",
            ),
        ),
    ),
    ROOT / "data" / "browser-runtime" / "1.30.0",
)

HOW_TO_ADD: Final = (
    "This server has no runtime for browsers yet. Who runs it can add it with `make browser-runtime`: "
    "a download of 33 MB, once."
)


def available(runtime: Runtime = RUNTIME) -> bool:
    """Whether the files are there with the right sizes; their content is checked when they are served."""
    try:
        return all(runtime.path(file).stat().st_size == file.size for file in runtime.package.files)
    except OSError:
        return False
