"""`python -m deploy.lock UV`: writes requirements-hosted.txt anew; UV is the program `uv`.

The versions are those that are installed beside this script, so that what is hosted is what is tested. The
hashes are those of all files of each release, for every Python and machine: uv asks the index for them.
PyTorch is the exception. Its builds for a CPU are on an index of its own, whose page has their hashes; where
that page cannot be read, the hashes of the present file stay, as long as the version does.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from http.client import HTTPException
from importlib.metadata import distributions, requires, version
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from deploy.serve import ROOT

TORCH_INDEX: Final = "https://download.pytorch.org/whl/cpu"
LOCKED: Final = ROOT / "requirements-hosted.txt"
SOURCES: Final = (ROOT / "requirements.txt", ROOT / "requirements-cluster.txt")
PYTHON: Final = "3.11"
"""The oldest Python that the file is for."""
_WHEELS: Final = r"cp31[123]-cp31[123]-manylinux\w+_(?:x86_64|aarch64)\.whl"
_PATIENCE_S: Final = 30
# What PyTorch's builds for CUDA need and the others do not.
_CUDA: Final = re.compile(r"(nvidia|cuda|triton)\b", re.IGNORECASE)

HEADER: Final = f"""\
# What the hosted app runs on: requirements.txt and requirements-cluster.txt with all that they need, each
# pinned, with the hashes of its files. Written by `make lock`; the versions are those that the tests ran
# with.
#
#   pip install --only-binary :all: --require-hashes --extra-index-url {TORCH_INDEX} \\
#     -r requirements-hosted.txt
#
# torch has the hashes of PyTorch's builds for a CPU (Linux, x86-64 and aarch64, CPython 3.11 to 3.13), which
# are on the index above. The files of that version elsewhere are other ones, and are refused.
"""


class LockError(ValueError):
    """The file could not be written: one line with what came and what to do."""


def pins(text: str) -> list[str]:
    """The requirements in a file's text, without comments."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def blocks(text: str) -> dict[str, str]:
    """A locked file's entries: the text of each, with its hashes, under its name."""
    found: dict[str, str] = {}
    for block in re.split(r"(?<!\\)\n", text):
        name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*(?===)", block)
        if name:
            found[name[0].lower()] = block
    return found


def hashes(block: str) -> list[str]:
    """The sha256 hashes of an entry, as hexadecimal digits."""
    return re.findall(r"--hash=sha256:([0-9a-f]{64})\b", block)


def torch_hashes(page: str, release: str) -> list[str]:
    """The hashes that PyTorch's index page has for the wheels of a release that the file is for.

    Raises:
        LockError: there are none.
    """
    wheel = rf"torch-{re.escape(release)}(?:\+|%2B)cpu-{_WHEELS}#sha256=([0-9a-f]{{64}})\b"
    found = sorted(set(re.findall(wheel, page)))
    if not found:
        raise LockError(f"{TORCH_INDEX} has no build of torch {release} for Linux")
    return found


def torch_block(release: str, found: Iterable[str]) -> str:
    """PyTorch's entry."""
    return " \\\n".join([f"torch=={release}", *(f"    --hash=sha256:{one}" for one in found)])


def read_torch_page() -> str | None:
    """PyTorch's page of torch's builds for a CPU, or None where it cannot be read."""
    try:
        with urlopen(f"{TORCH_INDEX}/torch/", timeout=_PATIENCE_S) as response:  # noqa: S310 - https
            body: bytes = response.read()
    except (OSError, HTTPException):
        return None
    return body.decode(errors="replace")


def resolve(uv: str, requirements: Sequence[str]) -> str:
    """What uv makes of the requirements and the installed versions.

    Raises:
        LockError: uv fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        installed = {str(one.metadata["Name"]): one.version for one in distributions()}
        lines = sorted(f"{name}=={release}" for name, release in installed.items() if "+" not in release)
        constraints.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [
            uv, "pip", "compile", "-", "--universal", "--python-version", PYTHON, "--generate-hashes",
            "--no-header", "--no-annotate", "--no-config", "--quiet", "--constraint", str(constraints),
        ]  # fmt: skip
        done = subprocess.run(  # noqa: S603 - the program that the command line names, no shell
            command, input="\n".join(requirements), capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise LockError(f"uv failed: {' '.join(done.stderr.split())[:500]}")
    return done.stdout


def lock(uv: str) -> str:
    """The text of the new file.

    Raises:
        LockError: it cannot be made.
    """
    release = version("torch").partition("+")[0]
    needed = [one for one in requires("torch") or () if "extra ==" not in one and not _CUDA.match(one)]
    direct = [one for path in SOURCES for one in pins(path.read_text(encoding="utf-8"))]
    if f"torch=={release}" not in direct:
        raise LockError(f"torch {release} is installed, and requirements.txt has another: install that first")
    entries = blocks(resolve(uv, [*(one for one in direct if not one.startswith("torch==")), *needed]))
    page = read_torch_page()
    before = blocks(LOCKED.read_text(encoding="utf-8")).get("torch", "") if LOCKED.exists() else ""
    if page is not None:
        entries["torch"] = torch_block(release, torch_hashes(page, release))
    elif before.startswith(f"torch=={release} "):
        sys.stderr.write(f"{TORCH_INDEX} cannot be read: torch keeps its hashes\n")
        entries["torch"] = before
    else:
        raise LockError(f"{TORCH_INDEX} cannot be read, and the file has no hashes of torch {release}")
    return HEADER + "".join(f"{entries[name]}\n" for name in sorted(entries))


def main(arguments: Sequence[str]) -> int:
    """Writes the file and says so in one line; the exit status is 1 if that failed."""
    try:
        if len(arguments) != 1:
            raise LockError("expected one argument: the program uv")
        text = lock(arguments[0])
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    LOCKED.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{LOCKED.name}: {len(blocks(text))} packages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
