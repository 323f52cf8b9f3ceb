"""Tries a program's classes for real: the program for the sandbox, and what comes back from it.

What comes back is whatever a stranger's program wrote: it is read as a text of a fixed form, and no further.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from core.contracts.judging import later
from core.contracts.verdict import MAX_CLASSES, Check, Moment, Verdict
from core.contracts.wording import wordings
from core.sandbox.result import Limit, SandboxResult

REPORT: Final = "/report"
MODULE_FILE: Final = "contract.py"
MAX_REPORT_BYTES: Final = 2**20
_MAX_LINES: Final = 8 * MAX_CLASSES
_MAX_PLACES: Final = 2
_MAX_NAMES: Final = 200
_LONGEST: Final = 500
_SHIPPED: Final = (
    "calls.py", "special.py", "guest/__init__.py", "guest/attempt.py", "guest/attributes.py",
    "guest/checks.py", "guest/comparison.py", "guest/definitions.py", "guest/described.py",
    "guest/making.py", "guest/placeholders.py", "guest/raised.py",
)  # fmt: skip
_PROGRAM: Final = f"from core.contracts.guest.attempt import main\nmain({REPORT!r})\n"
_DAMAGED: Final = "The report of the run is not what the trial writes: the program itself has changed it."
_UNTOLD: Final = (Moment.FIRST_CALL, "the run was stopped before it was over")
_LIMITS: Final = {
    Limit.FUEL: "It executed more instructions than a run may",
    Limit.MEMORY: "It asked for more memory than a run may have",
    Limit.TIME: "It took longer than a run may",
    Limit.OUTPUT: "It printed more than a run may",
}


@dataclass(frozen=True)
class TriedClass:
    """What became of one class.

    Attributes:
        name: of the class, qualified.
        verdicts: what the checks said, as far as the run came.
    """

    name: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Place:
    """A line of the visitor's program where it stopped.

    Attributes:
        line: from 1.
        column: in `text`, from 1; None if it is not known.
        text: of the line; of a very long one a part.
    """

    line: int
    column: int | None
    text: str


@dataclass(frozen=True)
class Trial:
    """What a run of the trial's program gave. All texts in it may be the visitor's.

    Attributes:
        classes: those that were tried.
        python: the version of the interpreter; empty if it did not come to say it.
        output: what the visitor's program printed.
        problem: why there is not all, in one line; empty if there is.
        result: of the sandbox.
        errors: what that program wrote to stderr, such as warnings.
        places: where the program stopped, if it did so by an error, and from where that was called.
    """

    classes: tuple[TriedClass, ...]
    python: str
    output: str
    problem: str
    result: SandboxResult
    errors: str = ""
    places: tuple[Place, ...] = ()


class _ReportError(ValueError):
    """A line that the trial does not write."""


def trial_program(source: str) -> tuple[bytes, dict[str, bytes]]:
    """The program that tries the classes of a module, and its files, for `core.sandbox.run`.

    Args:
        source: the visitor's module; whatever is wrong with it is found when it runs.
    """
    folder = Path(__file__).parent
    files = {f"core/contracts/{name}": (folder / name).read_bytes() for name in _SHIPPED}
    files |= {"core/__init__.py": b"", "core/contracts/__init__.py": b""}
    files[MODULE_FILE] = source.encode("utf-8", "surrogatepass")
    return _PROGRAM.encode(), files


def read_trial(result: SandboxResult) -> Trial:
    """What the run of a trial's program found.

    Args:
        result: of `core.sandbox.run`; nothing in it is trusted.
    """
    report = _Report()
    problem = ""
    try:
        report.read(result.report)
    except _ReportError:
        problem = _DAMAGED
    return Trial(
        report.classes(),
        report.python,
        result.stdout,
        problem or _why_not_all(result, report),
        result,
        result.stderr,
        tuple(report.places),
    )


class _Report:
    """Reads the lines of a report, each strictly."""

    def __init__(self) -> None:
        self.python = ""
        self.problem = ""
        self.ended = False
        self.places: list[Place] = []
        self._verdicts: dict[tuple[str, str], list[Verdict]] = {}
        self._late: dict[tuple[str, str, Check], tuple[Moment, str]] = {}

    def read(self, data: bytes) -> None:
        """Reads all that is there.

        Raises:
            _ReportError: at the first line that does not belong there; what came before it stays.
        """
        if len(data) > MAX_REPORT_BYTES:
            raise _ReportError
        lines = data.split(b"\n")
        # Of a run that was stopped the last line may be half a line.
        for line in lines[:-1][:_MAX_LINES]:
            self._line(line)

    def classes(self) -> tuple[TriedClass, ...]:
        """The classes with what was found, in the order of the report."""
        found: dict[str, list[Verdict]] = {}
        for key, verdicts in self._verdicts.items():
            for verdict in verdicts:
                moment, why = self._late.get((*key, verdict.check), _UNTOLD)
                settled = verdict
                if verdict.passes and moment is not Moment.NEVER:
                    told = why and why not in verdict.reason
                    reason = later(verdict.reason, moment, why) if told else verdict.reason
                    settled = replace(verdict, moment=moment, reason=reason)
                found.setdefault(key[0], []).append(settled)
        return tuple(TriedClass(name, tuple(verdicts)) for name, verdicts in found.items())

    def _line(self, line: bytes) -> None:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            raise _ReportError from None
        if not isinstance(said, dict) or self.ended:
            raise _ReportError
        match sorted(said):
            case ["python"]:
                self.python = _text(said["python"], 40)
            case ["end", "problem"]:
                self.ended, self.problem = True, _text(said["problem"])
            case ["checks", "class", "interface", "late", "line", "why"]:
                late = _moment(said["late"]), _text(said["why"])
                self._late |= {(*_key(said), check): late for check in _checks(said["checks"])}
            case ["column", "place", "text"]:
                self._place(said)
            case ["check", "class", "interface", "line", "missing", "moment", "passes", "reason"]:
                self._add(said)
            case _:
                raise _ReportError

    def _place(self, said: Mapping[str, Any]) -> None:
        column = said["column"]
        if len(self.places) == _MAX_PLACES:
            raise _ReportError
        column = None if column is None else _number(column)
        self.places.append(Place(_number(said["place"]), column, _text(said["text"])))

    def _add(self, said: Mapping[str, Any]) -> None:
        verdict = _verdict(said)
        mine = self._verdicts.setdefault(_key(said), [])
        if any(each.check is verdict.check for each in mine):
            raise _ReportError
        mine.append(verdict)


def _verdict(said: Mapping[str, Any]) -> Verdict:
    passes, missing = said["passes"], said["missing"]
    if not (passes is None or isinstance(passes, bool)):
        raise _ReportError
    if not isinstance(missing, list) or len(missing) > _MAX_NAMES:
        raise _ReportError
    names = tuple(sorted(_text(name, 200) for name in missing))
    check = _check(said["check"])
    name = _text(said["class"], 200)
    refused = names if check is Check.ABC and passes is False else ()
    return Verdict(
        name,
        _text(said["interface"], 200),
        _number(said["line"]),
        check,
        passes,
        Moment.NEVER if passes is not False else _moment(said["moment"]),
        _text(said["reason"]),
        names,
        wordings(name, refused),
    )


def _key(said: Mapping[str, Any]) -> tuple[str, str]:
    return _text(said["class"], 200), _text(said["interface"], 200)


def _checks(value: object) -> list[Check]:
    if not isinstance(value, list) or len(value) > len(Check):
        raise _ReportError
    return [_check(each) for each in value]


def _check(value: object) -> Check:
    try:
        return Check(_text(value))
    except ValueError:
        raise _ReportError from None


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10**7:
        raise _ReportError
    return value


def _moment(value: object) -> Moment:
    try:
        return Moment(_text(value))
    except ValueError:
        raise _ReportError from None


def _text(value: object, longest: int = _LONGEST) -> str:
    """A text in one line, without characters that do not show."""
    if not isinstance(value, str) or len(value) > longest:
        raise _ReportError
    return "".join(each if each.isprintable() else " " for each in value)


def _why_not_all(result: SandboxResult, report: _Report) -> str:
    if result.limit is not None:
        return f"{_LIMITS[result.limit]}, and was stopped: what came before that is shown."
    if result.crash:
        return f"The interpreter itself broke down: {' '.join(result.crash.split())[:_LONGEST]}"
    if report.ended:
        return report.problem
    return "The program ended the run before the trial was over: what came before that is shown."
