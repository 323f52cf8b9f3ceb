"""Tries the classes of the module `contract` for real, in the sandbox, beside the visitor's program.

It imports nothing but the standard library and its neighbors that do the same. What it finds it writes to a
file, line by line, so that what was found before a limit ended the run is known. `core.contracts.trial` reads
it on the other side.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from core.contracts.guest.checks import (
    Late,
    Tried,
    abc_check,
    duck_check,
    protocol_check,
    signature_check,
)
from core.contracts.guest.definitions import Refused, noted
from core.contracts.guest.described import Described, Survey
from core.contracts.guest.making import Made, stripped
from core.contracts.guest.raised import Stop, is_ours, said, stops, told

MODULE: Final = "contract"
MOST_CLASSES: Final = 200
_CHECKS: Final = ("ABC", "Protocol", "signature check", "duck typing")
_LONGEST: Final = 500
_LONGEST_NAME: Final = 200
_MOST_NAMES: Final = 200


def main(report: str) -> None:
    """Imports the module, tries its classes, and writes what it finds to a file."""
    with Path(report).open("wb", buffering=0) as stream:
        writer = _Writer(stream)
        writer.write(python=".".join(map(str, sys.version_info[:3])))
        with noted(MODULE) as refused:
            module, source, problem, places = _import()
        try:
            survey = Survey(module, source, MOST_CLASSES)
            for each in refused:
                writer.refused(each, survey)
            held = survey.held()
            for described in islice(held, MOST_CLASSES):
                _try(writer, described)
            if next(held, None) is not None or survey.is_cut:
                problem = problem or f"Only the first {MOST_CLASSES} classes were tried."
        except BaseException as error:  # noqa: BLE001 - the visitor's program may have changed anything
            problem = problem or f"The trial ended: {told(error)}"
        for place in places:
            writer.place(place)
        writer.write(end=True, problem=problem[:_LONGEST])


def _import() -> tuple[types.ModuleType, str, str, list[Stop]]:
    """The module as far as its import came, its text, why it did not come to its end, and where."""
    module, source = types.ModuleType(MODULE), ""
    try:
        spec = importlib.util.find_spec(MODULE)
        if spec is None or spec.loader is None or spec.origin is None:
            raise ImportError(f"there is no module {MODULE}")
        source = Path(spec.origin).read_text(encoding="utf-8")
        module = importlib.util.module_from_spec(spec)
        sys.modules[MODULE] = module
        spec.loader.exec_module(module)
    except BaseException as error:  # noqa: BLE001 - even SystemExit is a visitor's
        places = stops(error, source)
        return module, source, _why_it_stopped(error, places), places
    return module, source, "", []


def _why_it_stopped(error: BaseException, places: Sequence[Stop]) -> str:
    if isinstance(error, SyntaxError) and is_ours(error.filename):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"This is no Python {version} in line {error.lineno}: {error.msg}."
    return f"Your code stopped{f' at line {places[0].line}' if places else ''}: {said(error)}"


def _try(writer: _Writer, described: Described) -> None:
    """Four verdicts on one class and one interface, each written as soon as it is known."""
    writer.about(described.name, described.interface_name, described.line)
    tried, real = abc_check(described)
    writer.verdict(_CHECKS[0], tried, tried.missing)
    if real is not None and not described.unmet:
        writer.late(_judge(writer, described, real), _CHECKS)
        return
    # What the last two checks suppose: that no base has what the class itself lacks.
    with stripped(described) as made:
        late = _judge(writer, described, made)
    on_real = _on_real_objects(described, is_created=real is not None)
    writer.late(late, [each for each in _CHECKS if each not in on_real])
    if real is not None:
        writer.late(duck_check(described, real)[0], on_real)
    elif on_real:
        with stripped(described, marks_only=True) as made:
            writer.late(duck_check(described, made)[0], on_real)


def _on_real_objects(described: Described, *, is_created: bool) -> list[str]:
    """The checks after which an object has its bases with all that they ask for."""
    inherits = described.style == "protocol" and described.inherits
    return [_CHECKS[0]] * is_created + [_CHECKS[1]] * inherits


def _judge(writer: _Writer, described: Described, made: Made) -> Late:
    """What three checks say of an object, and when it fails after those that let it pass."""
    lacking = sorted(name for name in described.required if described.lacks(name, made.object))
    writer.verdict(_CHECKS[1], protocol_check(described, made), lacking)
    writer.verdict(_CHECKS[2], signature_check(described, made), lacking)
    late, tried = duck_check(described, made)
    writer.verdict(_CHECKS[3], tried, lacking)
    return late


class _Writer:
    """Writes lines of a report: JSON objects."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._about: dict[str, object] = {}

    def write(self, **fields: object) -> None:
        """One line."""
        self._stream.write(json.dumps(fields).encode() + b"\n")

    def about(self, name: str, interface: str, line: int) -> None:
        """Which class and which interface the next lines are about."""
        self._about = {"class": name, "interface": interface, "line": line}

    def verdict(self, check: str, tried: Tried, missing: Sequence[str]) -> None:
        """What one check said."""
        self.write(
            **self._about,
            check=check,
            passes=tried.passes,
            moment=tried.moment,
            reason=tried.reason[:_LONGEST],
            missing=[name[:_LONGEST_NAME] for name in missing[:_MOST_NAMES]],
        )

    def late(self, late: Late, checks: Sequence[str]) -> None:
        """When the class fails if these checks are all there is, and they let it pass."""
        self.write(**self._about, late=late.moment, why=late.reason[:_LONGEST], checks=list(checks))

    def place(self, stop: Stop) -> None:
        """A place where the program stopped, or from which that one was called."""
        start = max(0, (stop.column or 1) - _LONGEST // 2)
        column = None if stop.column is None else stop.column - start
        text = stop.text[start : start + _LONGEST]
        self.write(place=stop.line, column=column, text=text)

    def refused(self, refused: Refused, survey: Survey) -> None:
        """A class that was not made."""
        if any(each.__qualname__ == refused.name for each in survey.classes):
            return
        for interface in survey.among(refused.bases):
            self.about(refused.name, interface.__qualname__[:200], survey.lines.get(refused.name, 0))
            tried = Tried(False, "definition", f"Python refuses the class statement: {refused.reason}.")
            for check in _CHECKS:
                self.verdict(check, tried, ())
            self.late(Late("definition"), _CHECKS)
