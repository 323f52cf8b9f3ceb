"""`python -m deploy.audit PYTHON`: known vulnerabilities of what the hosted app runs on.

PYTHON is an interpreter that has pip-audit. It reads requirements-hosted.txt, installs nothing, and asks for
PyPI's advisories. Where they cannot be reached, this says so in one line and goes on: not knowing is no
finding.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.lock import LOCKED

# What pip-audit's last words hold where the service does not answer, and not where the file is wrong.
_OUT_OF_REACH: Final = ("your network may be blocking", "connection", "timed out", "max retries")
_LONGEST: Final = 300


class AuditError(ValueError):
    """pip-audit did not audit: one line."""


@dataclass(frozen=True)
class Vulnerability:
    """A known vulnerability of a package in the file.

    Attributes:
        package: its name.
        version: the one in the file.
        name: of the advisory.
        fixed_in: the versions that do not have it, if any.
    """

    package: str
    version: str
    name: str
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        """One line."""
        fixed = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "no version without it yet"
        return f"{self.package} {self.version}: {self.name}, {fixed}"


@dataclass(frozen=True)
class Audit:
    """What was found.

    Attributes:
        packages: how many there are in the file.
        unknown: those of them that the advisories' service did not know.
        found: the vulnerabilities of the others.
    """

    packages: int
    unknown: tuple[str, ...]
    found: tuple[Vulnerability, ...]


def read(report: str) -> Audit:
    """What pip-audit's JSON says.

    Raises:
        AuditError: it is none.
    """
    try:
        entries: list[dict[str, Any]] = json.loads(report)["dependencies"]
        skipped = [str(entry["name"]) for entry in entries if "skip_reason" in entry]
        found = tuple(
            Vulnerability(
                str(entry["name"]), str(entry["version"]), str(one["id"]), tuple(one["fix_versions"])
            )
            for entry in entries
            if "skip_reason" not in entry
            for one in entry["vulns"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise AuditError("pip-audit's report is not as expected: is it another version?") from error
    return Audit(len(entries), tuple(skipped), found)


def out_of_reach(said: str) -> bool:
    """Whether pip-audit's errors say that its data could not be reached."""
    return any(words in said.lower() for words in _OUT_OF_REACH)


def audit(python: str, requirements: Path = LOCKED) -> Audit | None:
    """Has a file of pinned requirements audited; None where the data cannot be reached.

    Raises:
        AuditError: pip-audit failed for another reason.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [
            python, "-m", "pip_audit", "--requirement", str(requirements), "--disable-pip",
            "--require-hashes", "--format", "json", "--output", str(report), "--progress-spinner", "off",
        ]  # fmt: skip
        done = subprocess.run(  # noqa: S603 - the interpreter that the command line names, no shell
            command, capture_output=True, text=True, check=False
        )
        if report.exists() and (text := report.read_text(encoding="utf-8")):
            audited = read(text)
            # A mirror without PyPI's advisories answers, and knows no package.
            return None if len(audited.unknown) == audited.packages else audited
    if out_of_reach(done.stderr):
        return None
    last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
    raise AuditError(f"pip-audit failed: {last[0][:_LONGEST]}")


def main(arguments: Sequence[str]) -> int:
    """Says what was found; the exit status is 1 for that or a package not audited, and 2 for a failure."""
    try:
        if len(arguments) != 1:
            raise AuditError("expected one argument: an interpreter that has pip-audit")
        done = audit(arguments[0])
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if done is None:
        sys.stdout.write("vulnerabilities: unknown, since pip-audit cannot reach its data from here\n")
        return 0
    for one in done.found:
        sys.stderr.write(f"{one}\n")
    for name in done.unknown:
        sys.stderr.write(f"{name}: not audited, since PyPI does not know this release\n")
    audited = done.packages - len(done.unknown)
    sys.stdout.write(f"vulnerabilities: {len(done.found)} known in {audited} packages\n")
    return 1 if done.found or done.unknown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
