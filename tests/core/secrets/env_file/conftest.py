"""What the tests of the checks share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.secrets.env_file import SafetyCheck, examine
from tests.core.secrets.repository import Repository, own_home

Look = Callable[..., SafetyCheck]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home."""
    return own_home(tmp_path, monkeypatch)


@pytest.fixture
def bare_folder(tmp_path: Path, home: Path) -> Repository:
    """A folder that is no repository yet, with a space in its path."""
    return Repository(tmp_path / "an app", home)


@pytest.fixture
def repository(bare_folder: Repository) -> Repository:
    """An empty repository."""
    return bare_folder.init()


@pytest.fixture
def look(bare_folder: Repository) -> Look:
    """One check of the folder's `.env`, or of another folder's or name."""

    def one(check: str, folder: Path | None = None, name: str = ".env") -> SafetyCheck:
        found = {done.name: done for done in examine(folder or bare_folder.folder, name)}
        return found[check]

    return one
