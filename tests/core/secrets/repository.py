"""A git repository for tests, made by git itself and kept apart from this machine's settings."""

import os
import subprocess
from pathlib import Path

import pytest


class Repository:
    """A folder and git in it."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            **{
                f"GIT_{role}_{part}": "test@example.com"
                for role in ("AUTHOR", "COMMITTER")
                for part in ("NAME", "EMAIL")
            },
        }
        folder.mkdir(parents=True, exist_ok=True)

    def git(self, *arguments: str) -> str:
        """What git prints."""
        return subprocess.run(
            ["/usr/bin/env", "git", *arguments],
            cwd=self.folder,
            env=self._environment,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    def init(self) -> "Repository":
        """Makes the folder a repository."""
        self.git("init", "--quiet", "-b", "main")
        return self

    def write(self, name: str, text: str = "KEY=\n") -> Path:
        """A file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def commit(self, *names: str) -> str:
        """Commits files, ignored ones too; gives the short hash."""
        if names:
            self.git("add", "--force", "--", *names)
        self.git("commit", "--quiet", "--allow-empty", "-m", "A change")
        return self.git("rev-parse", "--short", "HEAD").strip()

    def shell(self, commands: str) -> None:
        """Runs commands as a reader would paste them."""
        subprocess.run(
            ["/bin/sh", "-e", "-c", commands],
            cwd=self.folder,
            env=self._environment,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )


def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, so that git finds no settings of this machine's user."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


def fake_git(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Puts a shell script in the place of git."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
