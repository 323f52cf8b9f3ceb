"""Folders are this user's alone, and are on the disk when they are said to be there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.benchmark.history import HistoryError, folder
from tests.core.benchmark.history import made
from tests.core.benchmark.history.conftest import Open


def test_folders_are_made_for_this_user_alone(tmp_path: Path, open_at: Open) -> None:
    history = open_at(None, tmp_path / "a" / "b")
    history.add(made.run())
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("a", "a/b")} == {0o700}


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path, open_at: Open) -> None:
    (tmp_path / "file").write_text("")
    history = open_at(None, tmp_path / "file" / "data")
    assert history.runs(None) == []
    with pytest.raises(
        HistoryError, match=r"^It cannot be written \(Not a directory\): this run is not kept"
    ):
        history.add(made.run())


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were put on the disk, in order."""
    found: list[Path] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        found.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fsync", note)
    return found


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not tell what is synced")
def test_each_new_name_is_put_on_the_disk_from_the_top(tmp_path: Path, synced: list[Path]) -> None:
    folder.make(tmp_path / "a" / "b" / "c")
    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    synced.clear()
    folder.make(tmp_path / "a" / "b" / "c")
    assert synced == []


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    (tmp_path / "file").write_text("mine")
    folder.make(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("below", ["", "below", "far/below"])
def test_a_file_in_its_place_is_said_and_left_alone(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(NotADirectoryError) as caught:
        folder.make(file / below)
    assert caught.value.filename == str(file)
    assert file.read_text() == "mine"


def test_a_folder_that_is_gone_cannot_be_put_on_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        folder.sync(tmp_path / "gone")
