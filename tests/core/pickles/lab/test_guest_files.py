import subprocess
import sys
from pathlib import Path

from core.pickles.lab.guest_files import PROGRAM, guest_files


def test_the_program_is_imported_from_these_files_alone(tmp_path: Path) -> None:
    for name, content in guest_files().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    ran = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {PROGRAM}"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")


def test_nothing_of_it_is_large_or_needs_a_package() -> None:
    files = guest_files()
    assert sum(map(len, files.values())) < 200_000
    assert not any(name.startswith(("core/pickles/containers", "core/zoo")) for name in files)
    assert all(b"import torch" not in content for content in files.values())
