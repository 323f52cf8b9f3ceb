"""`python -m core.pickles FILE...`: what loading model files would do, without loading them."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Final, NoReturn

from core.pickles.bounds import DEFAULT, Bounds
from core.pickles.report import ScanReport, failed
from core.pickles.scan import scan_file
from core.pickles.verdict import Verdict
from core.pickles.worker import scan_in_worker

STATUS: Final[dict[Verdict, int]] = {
    Verdict.DATA_ONLY: 0,
    Verdict.NEEDS_TRUST: 1,
    Verdict.DANGEROUS: 2,
    Verdict.COULD_NOT_READ: 3,
}
"""The exit status for the worst verdict of all files."""
USAGE: Final = 64
"""The exit status for arguments that make no sense, as sysexits.h has it."""
_PIPE: Final = 2**20
_DESCRIPTION: Final = "Say what loading model files would do, without loading them."
_EPILOG: Final = (
    "Exit status, for the worst verdict of all files (dangerous, then could-not-read, then needs-trust): "
    "0 data-only, 1 needs-trust, 2 dangerous, 3 could-not-read; 64 for wrong arguments. "
    "Every file is read in a process of its own with bounds on memory and time."
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Says what is wrong in one line, with a status that no verdict has."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str], out: IO[str], given: IO[bytes]) -> int:
    """Scans what the arguments name, and prints a report on each.

    Args:
        arguments: those of the command.
        out: where the reports go.
        given: what `-` is read from.

    Returns:
        the exit status.
    """
    options = _parser().parse_args(arguments)
    bounds = replace(DEFAULT, seconds=options.seconds, bytes=options.max_bytes)
    worst = Verdict.DATA_ONLY
    reports = []
    for path in options.files:
        for report in _reports(path, bounds, given, here=options.here):
            worst = Verdict.worst(worst, report.verdict)
            if options.json:
                reports.append(json.loads(report.to_json()))
            elif options.markdown:
                out.write(report.to_markdown() + "\n")
            else:
                out.write(report.to_text() + "\n")
            out.flush()
    if options.json:
        out.write(json.dumps(reports, indent=2) + "\n")
    return STATUS[worst]


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m core.pickles", description=_DESCRIPTION, epilog=_EPILOG, allow_abbrev=False
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a file, a folder with all in it, or - for stdin"
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print a JSON list with one report per file")
    shape.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument(
        "--here",
        action="store_true",
        help="read in this process: quicker for many small files, and less safe",
    )
    parser.add_argument(
        "--seconds", type=_positive, default=DEFAULT.seconds, help="time for one file (default: %(default)g)"
    )
    parser.add_argument(
        "--max-bytes", type=_size, default=DEFAULT.bytes, help="size of one file (default: %(default)d)"
    )
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"got {text}, expected seconds between 0 and 86400")
    return value


def _size(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"got {text}, expected a number of bytes")
    return value


def _reports(name: str, bounds: Bounds, given: IO[bytes], *, here: bool) -> Iterator[ScanReport]:
    if name == "-":
        yield _from_pipe(bounds, given, here=here)
        return
    path = Path(name)
    if not path.is_dir():
        yield _scan(path, name, bounds, here=here)
        return
    found = False
    # Links are not followed: a folder cannot lead out of itself or around in a circle.
    for folder, folders, files in os.walk(path):
        folders.sort()
        for file in sorted(files):
            found = True
            inner = Path(folder) / file
            yield _scan(inner, str(inner), bounds, here=here)
    if not found:
        yield failed(name, 0, "the folder has no files")


def _from_pipe(bounds: Bounds, given: IO[bytes], *, here: bool) -> ScanReport:
    with tempfile.TemporaryDirectory(prefix="under-the-hood-scan-") as folder:
        path = Path(folder) / "content"
        size = 0
        with path.open("wb") as file:
            while piece := given.read(_PIPE):
                size += len(piece)
                if size > bounds.bytes:
                    return failed("-", size, f"it has more than {bounds.bytes:,} bytes, which are not read")
                file.write(piece)
        return _scan(path, "-", bounds, here=here)


def _scan(path: Path, name: str, bounds: Bounds, *, here: bool) -> ScanReport:
    return scan_file(path, name, bounds) if here else scan_in_worker(path, name, bounds=bounds)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        sys.exit(main(sys.argv[1:], sys.stdout, sys.stdin.buffer))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read the reports has gone: what is left cannot be written, not at the end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
