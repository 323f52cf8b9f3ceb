"""Find Chromium for the browser tests, or install it.

`python -m tests.browser.chromium` prints the path of one that runs; where there is none, it installs one.
Standard library only.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

VARIABLE: Final = "CHROMIUM"
ADVICE: Final = (
    "No Chromium found: install chromium with your package manager, or run "
    "`.venv/bin/python -m playwright install --with-deps chromium`, "
    "or name one with CHROMIUM=/path/to/chromium."
)

_NAMES: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# Inside Playwright's folder, per system; the newest first when sorted backwards.
_PLAYWRIGHT: Final = (
    "chromium-*/chrome-linux*/chrome",
    "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    "chromium_headless_shell-*/chrome-*/*headless?shell",
)
# Package managers and the commands that install Chromium; True for those that need root.
_MANAGERS: Final = (
    ("apt-get", (("update",), ("install", "-y", "--no-install-recommends", "chromium")), True),
    ("dnf", (("install", "-y", "chromium"),), True),
    ("apk", (("add", "chromium"),), True),
    ("pacman", (("-Sy", "--noconfirm", "chromium"),), True),
    ("brew", (("install", "--cask", "chromium"),), False),
)


class ChromiumError(RuntimeError):
    """There is no usable Chromium. The message is one line that says what to do."""


def find(environ: Mapping[str, str] = os.environ) -> Path:
    """A Chromium that runs: `CHROMIUM`, else the first on the path, else the newest of Playwright's own.

    Raises:
        ChromiumError: there is none, or the one that was named does not run.
    """
    named = environ.get(VARIABLE)
    if named:
        if not runs(named):
            raise ChromiumError(f"{VARIABLE}: got {named!r}, expected the path of a Chromium that runs.")
        return Path(named)
    for candidate in candidates(environ):
        if runs(candidate):
            return Path(candidate)
    raise ChromiumError(ADVICE)


def candidates(environ: Mapping[str, str]) -> Iterator[str]:
    """Where a Chromium may be, the best first."""
    for name in _NAMES:
        path = shutil.which(name, path=environ.get("PATH"))
        if path is not None:
            yield path
    for folder in _playwright_folders(environ):
        for pattern in _PLAYWRIGHT:
            yield from sorted(map(str, folder.glob(pattern)), reverse=True)


def runs(path: str) -> bool:
    """Whether the file is a Chromium that starts: Ubuntu's `chromium-browser` may be a hint at a snap."""
    try:
        return (
            subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def install() -> None:
    """Install Chromium by the system's package manager when that may be, or else by Playwright."""
    for name, commands, needs_root in _MANAGERS:
        if shutil.which(name) is None:
            continue
        prefix = _privilege() if needs_root else []
        if prefix is not None and all(_succeeds([*prefix, name, *arguments]) for arguments in commands):
            return
    _succeeds([sys.executable, "-m", "playwright", "install", "chromium"])


def _privilege() -> list[str] | None:
    """What to put before a command to run it as root without a question; None when that cannot be."""
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if shutil.which("sudo") and _succeeds(["sudo", "-n", "true"]) else None


def _succeeds(command: Sequence[str]) -> bool:
    """Run a command with its output on stderr: stdout is for the path alone."""
    try:
        return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0
    except OSError:
        return False


def _playwright_folders(environ: Mapping[str, str]) -> list[Path]:
    """Where Playwright keeps its browsers: https://playwright.dev/python/docs/browsers#managing-browser-binaries."""
    own = environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if own:
        return [Path(own)]
    home = Path(environ.get("HOME") or Path.home())
    return [home / ".cache/ms-playwright", home / "Library/Caches/ms-playwright"]


def main() -> int:
    """Print the path of a Chromium, after installing one if need be."""
    try:
        print(find())
    except ChromiumError as error:
        if os.environ.get(VARIABLE):
            print(error, file=sys.stderr)
            return 1
        print("No Chromium found: installing one.", file=sys.stderr)
        install()
        try:
            print(find())
        except ChromiumError as still:
            print(still, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
