"""Finding Chromium, and installing it where that may be done."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser import chromium

ROOT = Path(__file__).parent.parent.parent


def fake(path: Path, status: int = 0) -> Path:
    """A program that ends with a status."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which there is no Chromium."""
    return {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}


def test_the_named_one_wins(tmp_path: Path, nowhere: dict[str, str]) -> None:
    named = fake(tmp_path / "mine")
    fake(tmp_path / "bin/chromium")
    assert chromium.find({**nowhere, "CHROMIUM": str(named)}) == named


def test_a_named_one_that_does_not_run_is_refused(tmp_path: Path, nowhere: dict[str, str]) -> None:
    fake(tmp_path / "bin/chromium")
    with pytest.raises(
        chromium.ChromiumError, match=r"^CHROMIUM: got '/no/such', expected the path of a Chromium"
    ):
        chromium.find({**nowhere, "CHROMIUM": "/no/such"})


def test_the_path_comes_before_playwrights_own(tmp_path: Path, nowhere: dict[str, str]) -> None:
    fake(tmp_path / ".cache/ms-playwright/chromium-1200/chrome-linux/chrome")
    on_path = fake(tmp_path / "bin/google-chrome")
    assert chromium.find(nowhere) == on_path


def test_one_that_does_not_run_is_passed_over(tmp_path: Path, nowhere: dict[str, str]) -> None:
    fake(tmp_path / "bin/chromium", status=1)
    works = fake(tmp_path / "bin/google-chrome")
    assert chromium.find(nowhere) == works


@pytest.mark.parametrize(
    "place",
    [
        "chromium-1200/chrome-linux/chrome",
        "chromium-1200/chrome-linux64/chrome",
        "chromium-1200/chrome-mac/Chromium.app/Contents/MacOS/Chromium",
        "chromium_headless_shell-1200/chrome-linux/headless_shell",
        "chromium_headless_shell-1200/chrome-headless-shell-linux64/chrome-headless-shell",
    ],
)
def test_playwrights_own_is_found(tmp_path: Path, nowhere: dict[str, str], place: str) -> None:
    own = fake(tmp_path / "browsers" / place)
    assert chromium.find({**nowhere, "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path / "browsers")}) == own


def test_none_gives_one_line_that_says_what_to_do(nowhere: dict[str, str]) -> None:
    with pytest.raises(chromium.ChromiumError) as caught:
        chromium.find(nowhere)
    assert str(caught.value) == chromium.ADVICE
    assert "\n" not in chromium.ADVICE
    assert "CHROMIUM=" in chromium.ADVICE


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may install without a question")
def test_root_installs_by_the_package_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    apt = tmp_path / "bin/apt-get"
    fake(apt)
    apt.write_text(f'#!/bin/sh\necho "$@"\n/bin/cp /bin/true {tmp_path}/bin/chromium\n')
    monkeypatch.setenv("PATH", str(apt.parent))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert chromium.main() == 0
    captured = capfd.readouterr()
    assert captured.out == f"{tmp_path}/bin/chromium\n"
    assert captured.err.splitlines()[1:] == ["update", "install -y --no-install-recommends chromium"]


def test_when_nothing_may_be_installed_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(sys, "executable", "/no/python")  # so that Playwright installs nothing either
    assert chromium.main() == 1
    assert capfd.readouterr().err.splitlines()[-1] == chromium.ADVICE


def test_run_as_a_module_it_prints_the_path_alone(tmp_path: Path) -> None:
    named = fake(tmp_path / "mine")
    command = [sys.executable, "-m", "tests.browser.chromium"]
    environment = {**os.environ, "CHROMIUM": str(named)}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert (found.stdout, found.stderr) == (f"{named}\n", "")
