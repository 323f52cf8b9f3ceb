"""The same weights in every format: how large, how fast, and what each format can do besides holding numbers.

All of it is found out in a process of its own: `start_formats` begins, `read_formats` finds the answer.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from core import wire, zoo
from core.pickles.verdict import Verdict
from core.places import Place
from core.process import Process, ProcessError

SECONDS: Final = 240.0
MEMORY_BYTES: Final = 3 * 2**30
"""What all of it may take."""
_MODULE: Final = "core.pickles.lab.formats_child"
# One thread: the measurement is of one file at a time.
_ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class FileFormat(StrEnum):
    """How a model is kept in a file."""

    PICKLE = "pickle"
    STATE_DICT = "state_dict"
    SAFETENSORS = "safetensors"
    TORCHSCRIPT = "torchscript"
    EXPORT = "export"
    ONNX = "onnx"


@dataclass(frozen=True)
class FormatKind:
    """What is known of a format whatever is in the file.

    Attributes:
        title: what a table says.
        file_name: what the file is called.
        holds: what is in the file, in a few words.
        names_code: whether the file can name code that loading would run, and how.
        languages: who else can read it.
        risk: what remains, with a file from a stranger.
    """

    title: str
    file_name: str
    holds: str
    names_code: str
    languages: str
    risk: str


KINDS: Final[Mapping[FileFormat, FormatKind]] = MappingProxyType({
    FileFormat.PICKLE: FormatKind(
        "pickle of the module", "model.pt", "weights, and names of classes", "yes, any name of any module",
        "Python, with the same classes", "loading runs whatever the file says, unless `weights_only=True`",
    ),
    FileFormat.STATE_DICT: FormatKind(
        "torch.save of the state_dict", "state.pt", "weights by name",
        "the format yes, a state_dict no: `weights_only=True` refuses it",
        "Python; others with a reader of pickles",
        "a pickle all the same: only `weights_only=True` holds it to data; bugs in that list",
    ),
    FileFormat.SAFETENSORS: FormatKind(
        "safetensors", "model.safetensors", "weights by name", "no", "Python, Rust, C++, JavaScript, ...",
        "none of code; a file can be large",
    ),
    FileFormat.TORCHSCRIPT: FormatKind(
        "TorchScript", "model.torchscript", "weights and a program",
        "yes: its own program, whose operators can read files by path",
        "C++ by LibTorch, Python",
        "its `__setstate__` runs when it loads; a native parser; deprecated",
    ),
    FileFormat.EXPORT: FormatKind(
        "torch.export", "model.pt2", "weights and a graph",
        "functions by name, and expressions that are evaluated",
        "Python, C++ by AOTInductor",
        "SymPy evaluates its sizes as Python; pickles within the archive for examples; a native parser",
    ),
    FileFormat.ONNX: FormatKind(
        "ONNX", "model.onnx", "weights and a graph",
        "operators by name; custom ones need their library",
        "C++, C#, Java, JavaScript, Rust, Python, ...",
        "weights kept outside can point out of their folder; size bombs; bugs of native parsers",
    ),
})  # fmt: skip
"""By format, in the order of the table."""


@dataclass(frozen=True)
class Timing:
    """How long something took, in seconds.

    Attributes:
        first: the first time, with all that is set up then.
        median: of the times after it.
        rounds: how many those were.
    """

    first: float
    median: float
    rounds: int


@dataclass(frozen=True)
class FormatRow:
    """A model in one format.

    Attributes:
        format: which.
        size: bytes; None if the model cannot be written so.
        save: making the file in memory, of a module that is there.
        load: from the bytes in memory to something that has the weights.
        loads_alone: whether a new process that cannot import this app loads the file; None if not tried.
        runs_alone: whether what it loaded computes the same there, without the class's source.
        alone: what that process said when it could not, in one line.
        verdict: of our scanner on the file.
        names: how many globals the file's pickles name.
        problem: why the model cannot be written so, in one line; empty if it can.
    """

    format: FileFormat
    size: int | None = None
    save: Timing | None = None
    load: Timing | None = None
    loads_alone: bool | None = None
    runs_alone: bool | None = None
    alone: str = ""
    verdict: Verdict | None = None
    names: int = 0
    problem: str = ""

    @property
    def needs_source(self) -> bool | None:
        """Whether the class's source is needed to compute anything; None if that was not found out."""
        return None if self.runs_alone is None else not self.runs_alone


@dataclass(frozen=True)
class FormatsReport:
    """A model in every format.

    Attributes:
        model: its name in the zoo.
        title: its title there.
        seed: of its weights.
        parameters: how many numbers it has, buffers included.
        rows: one for each format.
        torch: the version of PyTorch.
        threads: how many processor threads each measurement had.
        note: why it was not tried whether the files load elsewhere, in one line; empty if it was.
    """

    model: str
    title: str
    seed: int
    parameters: int
    rows: tuple[FormatRow, ...]
    torch: str
    threads: int
    note: str = ""


def start_formats(
    model: str = "simple_mlp", seed: int = 0, *, seconds: float = SECONDS, place: Place | None = None
) -> Process:
    """Writes a zoo model in every format elsewhere, and measures: `read_formats` finds the report.

    Args:
        model: its name in the zoo.
        seed: of its weights.
        seconds: how long it may take.
        place: where it runs, and for whom; see `Process`.

    Raises:
        ZooError: if there is no such model or seed.
        ProcessError: if too many wait already.
    """
    if model not in zoo.names():
        raise zoo.ZooError(f"There is no model of that name: choose one of {', '.join(zoo.names())}.")
    request = {"model": model, "seed": zoo.checked_seed(seed)}
    return Process(
        _MODULE, request, seconds=seconds, memory_bytes=MEMORY_BYTES, environment=_ENVIRONMENT, place=place
    )


def read_stage(line: Mapping[str, Any]) -> str:
    """What the process is doing now; empty if the line does not say."""
    return str(line.get("stage", ""))


def read_formats(line: Mapping[str, Any]) -> FormatsReport | None:
    """The report in a line; None if it holds none."""
    return wire.read(FormatsReport, line["formats"]) if "formats" in line else None


def compare_formats(model: str = "simple_mlp", seed: int = 0) -> FormatsReport:
    """The report on a zoo model, waited for.

    Raises:
        ZooError: if there is no such model or seed.
        ProcessError: if there is no report, with the reason.
    """
    process = start_formats(model, seed)
    try:
        lines: list[dict[str, Any]] = []
        deadline = time.monotonic() + SECONDS + 60.0
        while not process.finished and time.monotonic() < deadline:
            lines += process.next_lines(1.0)
        for line in [*lines, *process.lines()]:
            if (report := read_formats(line)) is not None:
                return report
        raise ProcessError(process.error or "It ended without a report.")
    finally:
        process.stop()
