"""Whether the file is there and for whom it is open, and the fix closes it."""

import os

import pytest

from core.secrets.env_file import Answer
from tests.core.secrets.env_file.conftest import Look
from tests.core.secrets.repository import Repository


def test_a_file_is_there_or_not_and_both_are_good(bare_folder: Repository, look: Look) -> None:
    assert (look("exists").answer, look("exists").good) == (Answer.NO, True)
    assert (look("mode").answer, look("mode").good) == (Answer.UNKNOWN, None)
    bare_folder.write(".env")
    assert (look("exists").answer, look("exists").good) == (Answer.YES, True)
    assert look("exists").question == "Is there a .env here?"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_its_owner_alone_is_good(bare_folder: Repository, look: Look, mode: int) -> None:
    bare_folder.write(".env").chmod(mode)
    check = look("mode")
    assert (check.answer, check.good, check.fix) == (Answer.NO, True, "")
    assert f"{mode:o}" in check.detail


@pytest.mark.parametrize(
    ("mode", "who"),
    [(0o644, "its group and everybody"), (0o640, "its group"), (0o604, "everybody"), (0o602, "everybody")],
)
def test_others_are_not_and_the_fix_shuts_them_out(
    bare_folder: Repository, look: Look, mode: int, who: str
) -> None:
    bare_folder.write(".env").chmod(mode)
    check = look("mode")
    assert (check.answer, check.good) == (Answer.YES, False)
    assert check.detail == f"Its mode is {mode:o}, which opens it to {who}."
    bare_folder.shell(check.fix)
    assert look("mode").good


def test_a_link_has_the_mode_of_what_it_points_to(bare_folder: Repository, look: Look) -> None:
    bare_folder.write("real", "KEY=\n").chmod(0o644)
    (bare_folder.folder / ".env").symlink_to("real")
    assert look("mode").good is False
    (bare_folder.folder / "real").unlink()
    assert look("exists").answer is Answer.NO


def test_a_link_to_itself_is_unknown(bare_folder: Repository, look: Look) -> None:
    (bare_folder.folder / ".env").symlink_to(".env")
    assert look("exists").answer is Answer.UNKNOWN
    assert look("mode").answer is Answer.UNKNOWN


def test_a_folder_of_that_name_is_no_regular_file(bare_folder: Repository, look: Look) -> None:
    (bare_folder.folder / ".env").mkdir()
    assert "not a regular file" in look("exists").detail


def test_on_windows_the_mode_is_unknown(
    bare_folder: Repository, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.secrets.env_file import storage

    class Windows:
        name = "nt"

    bare_folder.write(".env")
    monkeypatch.setattr(storage, "os", Windows)
    assert os.name != "nt"
    check = look("mode")
    assert (check.answer, check.good) == (Answer.UNKNOWN, None)
    assert "Windows" in check.detail
