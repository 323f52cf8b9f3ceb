"""Runs as files: JSON that another of these apps reads again, and CSV for any other program.

A JSON file may come from a stranger. It is bounded before it is looked at, every value of it is checked, and
what follows from the rounds is not read from it but computed anew.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import from_json

from core.benchmark.history.file import from_file, to_file
from core.benchmark.history.lines import clean
from core.benchmark.history.parts import FORMAT, MAX_TEXT, VERSION, RunFile
from core.benchmark.history.run import Run
from core.benchmark.report import CaseReport
from core.benchmark.rounds import Round

MAX_BYTES: Final = 32 * 2**20
"""How large a file may be."""
MAX_DEPTH: Final = 12
MAX_INTEGER: Final = 2**63 - 1
_FORMULA: Final = tuple("=+-@＝＋－＠")  # noqa: RUF001 - spreadsheets read the wide ones alike
_COLUMNS: Final = (
    "run", "started", "imported", "machine", "machine_id", "measured_on", "python", "torch", "onnx",
    "onnxruntime", "model", "model_id", "seed", "batch", "threads", "baseline", "round", "rejected",
    "foreign_share", "engine", "twin", "seconds_per_call", "calls",
)  # fmt: skip


class ExchangeError(ValueError):
    """A file that is no run: one line for a visitor."""


def write_json(run: Run) -> bytes:
    """A run as a file, without its number and its owner.

    Beside the rounds it has what follows from them, for other programs.

    Raises:
        ExchangeError: if it has what no file may have, such as too many rounds.
    """
    try:
        return to_file(run).model_dump_json().encode()
    except ValidationError as error:
        problem = _first(error, "This run cannot be written as a file")
    raise ExchangeError(problem)


def read_json(data: bytes, *, owner: str = "") -> Run:
    """The run of a file that `write_json` wrote, or a stranger did: with a new number, and marked imported.

    Args:
        data: the file.
        owner: whose the run shall be.

    Raises:
        ExchangeError: if it is none.
    """
    if len(data) > MAX_BYTES:
        raise ExchangeError(
            f"The file has {len(data):,} bytes, expected at most {MAX_BYTES:,}: it is no run of this app."
        )
    problem = ""
    try:
        _check(from_json(data, allow_inf_nan=False, cache_strings="none"))
        found = from_file(RunFile.model_validate_json(data), owner)
    except ValidationError as error:
        problem = _first(error)
    except ExchangeError as error:
        problem = str(error)
    except (ValueError, ArithmeticError, RecursionError) as error:
        problem = clean(f"The file is no run that this app can read: {error}", 300)
    else:
        return found
    raise ExchangeError(problem)


def write_csv(run: Run) -> str:
    """A run as a table: a row per engine in each round, the rejected rounds and the baseline's twin too.

    Text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    for case in run.report.cases:
        for one in case.rounds:
            writer.writerows(map(_cell, row) for row in _rows(run, case, one))
    return text.getvalue()


def _rows(run: Run, case: CaseReport, one: Round) -> Iterator[tuple[object, ...]]:
    versions = run.machine.versions
    head = (
        run.id, run.started.isoformat(), run.imported, run.machine.cpu, run.machine_id, case.machine,
        versions.python, versions.torch, versions.onnx, versions.onnxruntime,
        case.model, run.model_ids.get(case.model, ""), case.seed, case.batch, case.threads, case.baseline,
        one.number, one.rejected, one.foreign,
    )  # fmt: skip
    for name, seconds in one.seconds.items():
        twin = name == case.twin
        yield (*head, case.baseline if twin else name, twin, seconds, one.calls[name])


def _cell(value: object) -> object:
    """A value as a program reads it: numbers in full, nothing for none, no text a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    if isinstance(value, int):
        return value
    text = clean(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text


def _check(found: Any) -> None:  # noqa: ANN401 - whatever JSON has
    """What no place in a file may have, and that it is a file of this version.

    Raises:
        ExchangeError: if it has.
    """
    left: list[tuple[Any, int]] = [(found, 1)]
    while left:
        value, depth = left.pop()
        if depth > MAX_DEPTH:
            raise ExchangeError(f"The file is nested more than {MAX_DEPTH} deep: it is no run of this app.")
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, dict):
            left += [(each, depth + 1) for pair in value.items() for each in pair]
        elif isinstance(value, list):
            left += [(each, depth + 1) for each in value]
        elif isinstance(value, float) and not math.isfinite(value):
            raise ExchangeError("The file has a number that is not finite.")
        elif isinstance(value, int) and not -MAX_INTEGER - 1 <= value <= MAX_INTEGER:
            raise ExchangeError("The file has a whole number of more than 64 bits.")
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ExchangeError(f'The file is no run of this app: expected "format": "{FORMAT}" at its top.')
    if found.get("version") != VERSION:
        shown = clean(repr(found.get("version")), 40)
        raise ExchangeError(
            f"The file is of version {shown} and this app reads version {VERSION}: update whichever is older."
        )


def _check_text(text: str) -> None:
    if len(text) > MAX_TEXT:
        raise ExchangeError(
            f"The file has a text of {len(text):,} characters, expected at most {MAX_TEXT:,}."
        )
    if not text.isprintable():
        sign = next(each for each in text if not each.isprintable())
        raise ExchangeError(
            f"The file has a sign that cannot be printed (U+{ord(sign):04X}), such as those that turn the "
            "direction of a line: it is not read."
        )


def _first(error: ValidationError, what: str = "The file is no run that this app can read") -> str:
    """The first thing that is wrong, where, and with what came."""
    one = error.errors(include_url=False, include_context=False)[0]
    where = clean(".".join(map(str, one["loc"])), 100) or "the file"
    came = one["input"]
    came = f"a {type(came).__name__}" if isinstance(came, dict | list) else clean(repr(came), 40)
    return clean(f"{what}: at {where}, got {came}. {one['msg']}.", 300)
