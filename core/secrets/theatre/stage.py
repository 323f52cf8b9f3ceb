"""Where an act is played: both of its programs are run with a canary, and what they leave is searched."""

from __future__ import annotations

import logging
import re
import secrets
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Final

from core.process import clean_environment
from core.secrets.command import CommandError, Finished, run
from core.secrets.theatre.act import Act, acts
from core.secrets.theatre.trace import shows

AT_ONCE: Final = 2
"""How many acts one server process plays at a time."""
SECONDS: Final = 20.0
"""How long one program may take; it takes well under a second."""
MAX_CHARACTERS: Final = 4_000
"""How much of each section of an output is shown."""
_MAX_FILES: Final = 8

_SLOTS: Final = threading.BoundedSemaphore(AT_ONCE)
_LOG: Final = logging.getLogger(__name__)
# What Python itself may need to start.
_PASSED_ON: Final = frozenset({"SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
# Both of its programs end with an error that nobody catches.
_RAISING: Final = frozenset({"exception"})
_FRAME: Final = re.compile(r'(?<=File ")[^"\n]+(?=", line \d)')
_LEAST, _MOST = 12, 200


class TheatreError(ValueError):
    """An act that could not be played: one line for a visitor."""


@dataclass(frozen=True)
class Scene:
    """One program, run.

    Attributes:
        program: its text.
        output: what it printed and the files that it left, in sections with a heading each.
        leaked: whether the canary can be read from that, also URL-encoded, in base64 or escaped.
        seconds: how long it took, by the wall clock.
    """

    program: str
    output: str
    leaked: bool
    seconds: float


@dataclass(frozen=True)
class Play:
    """An act, played.

    Attributes:
        act: the act.
        canary: the planted value: made for this play, and worth nothing.
        wrong: the program that leaks.
        right: the program that does not.
    """

    act: Act
    canary: str
    wrong: Scene
    right: Scene


@dataclass(frozen=True)
class _Section:
    """A part of what a program left; a notebook or a log as it is, other bytes as Python writes them."""

    heading: str
    data: bytes = field(repr=False)

    def text(self) -> str:
        """The section, at most `MAX_CHARACTERS` of it."""
        try:
            text = self.data.decode()
        except UnicodeDecodeError:
            text = repr(self.data)
        if len(text) > MAX_CHARACTERS:
            text = f"{text[:MAX_CHARACTERS]}… ({len(text):,} characters)"
        return f"── {self.heading} ──\n{text.rstrip()}"


def play(name: str, canary: str | None = None) -> Play:
    """Runs both programs of an act, one after the other, in processes and folders of their own.

    Args:
        name: the act's name.
        canary: the value to plant; by default a new random one that looks like a key.

    Raises:
        TheatreError: if there is no such act, the canary cannot be planted, as many acts as may be played at
            once are being played, or a program did not run as it should.
    """
    act = next((act for act in acts() if act.name == name), None)
    if act is None:
        raise TheatreError(f"There is no such act; there are {', '.join(act.name for act in acts())}.")
    planted = f"canary-{secrets.token_hex(16)}" if canary is None else canary
    if not (_LEAST <= len(planted) <= _MOST and planted.isascii() and planted.isprintable()):
        raise TheatreError(f"A canary is {_LEAST} to {_MOST} printable ASCII characters; this one is not.")
    if not _SLOTS.acquire(blocking=False):
        raise TheatreError(f"{AT_ONCE} acts are being played already; try again in a moment.")
    try:
        wrong = _scene(f"{name}_wrong.py", act.wrong, planted, raising=name in _RAISING)
        right = _scene(f"{name}_right.py", act.right, planted, raising=name in _RAISING)
    finally:
        _SLOTS.release()
    return Play(act, planted, wrong, right)


def _scene(file: str, program: str, canary: str, *, raising: bool) -> Scene:
    try:
        # What cannot be removed at once (a scanner has it open) must not end the play.
        with tempfile.TemporaryDirectory(prefix="theatre-", ignore_cleanup_errors=True) as made:
            folder = Path(made).resolve()
            (folder / file).write_text(program, encoding="utf-8")
            finished = run(
                # -I: neither variables nor folders of this server change what it imports.
                [sys.executable, "-I", "-X", "utf8", file],
                folder=folder,
                environment=_environment(folder, canary),
                seconds=SECONDS,
            )
            sections = [*_streams(finished, folder), *_files(folder, file)]
    except (CommandError, OSError) as error:
        _LOG.warning("%s: %s", file, error)
        raise TheatreError("The program could not be run on this server; try again in a moment.") from error
    if finished.code != int(raising):
        # Its words may hold the canary only, which is no secret.
        _LOG.error(
            "%s ended with code %d: %s", file, finished.code, finished.err[-500:].decode(errors="replace")
        )
        raise TheatreError("The program did not run as it should on this server; the log has why.")
    return Scene(
        program=program,
        output="\n\n".join(section.text() for section in sections) or "(nothing printed, no file left)",
        leaked=any(shows(section.data, canary) for section in sections),
        seconds=finished.seconds,
    )


def _environment(folder: Path, canary: str) -> dict[str, str]:
    needed = {name: value for name, value in clean_environment().items() if name in _PASSED_ON}
    return needed | {"TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder), "API_KEY": canary}


def _streams(finished: Finished, folder: Path) -> Iterator[_Section]:
    if finished.out:
        yield _Section("printed", finished.out)
    if finished.err:
        errors = finished.err.decode(errors="replace")
        yield _Section(
            "printed to stderr", _FRAME.sub(lambda found: _short(PurePath(found[0]), folder), errors).encode()
        )


def _short(path: PurePath, folder: Path) -> str:
    """The end of a path in a traceback: where this server keeps its files is nobody's business."""
    return path.name if path.parent == folder else "/".join(path.parts[-2:])


def _files(folder: Path, program: str) -> Iterator[_Section]:
    """The files that a program left, in the order of their names."""
    left = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    for path in [path for path in left if path.name != program][:_MAX_FILES]:
        with path.open("rb") as file:
            yield _Section(f"file {path.relative_to(folder).as_posix()}", file.read(2**20))
