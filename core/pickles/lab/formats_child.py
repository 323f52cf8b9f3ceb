"""The process that writes a model in every format and measures: `python -m core.pickles.lab.formats_child`.

Its parent is `core.pickles.lab.formats`.
"""

from __future__ import annotations

import json
import logging
import math
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import torch

from core import wire, zoo
from core.pickles.lab.encoders import EncodingError, Subject, brief, decode, encode, subject
from core.pickles.lab.formats import KINDS, FileFormat, FormatRow, FormatsReport, Timing
from core.pickles.scan import scan
from core.process import Child, alone, clean_environment, memory_error

MOST_ROUNDS: Final = 9
ROUND_SECONDS: Final = 1.0
"""How often each is repeated after its first time: until a second is over, and 1 to 9 times."""
TURN_SECONDS: Final = 60.0
"""How long another measurement on this machine is waited for."""
WITNESS_SECONDS: Final = 120.0
_WITNESS: Final = Path(__file__).with_name("witness.py")
_LOG: Final = logging.getLogger(__name__)

T = TypeVar("T")


def timed(action: Callable[[], T]) -> tuple[Timing, T]:
    """How long something takes, the first time and the median of the others, and what it gave first."""
    start = time.perf_counter()
    given = action()
    first = time.perf_counter() - start
    times: list[float] = []
    while not times or (len(times) < MOST_ROUNDS and math.fsum(times) < ROUND_SECONDS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return Timing(first, statistics.median(times), len(times)), given


def measure(subject: Subject, kind: FileFormat) -> tuple[FormatRow, bytes]:
    """A model in one format, and the file; an empty one if the model cannot be written so."""
    try:
        save, data = timed(lambda: encode(subject, kind))
        load, _ = timed(lambda: decode(data, kind))
    except EncodingError as error:
        return FormatRow(kind, problem=str(error)), b""
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - one format less, and the reason is said
        _LOG.warning("%s could not be measured", kind, exc_info=error)
        return FormatRow(kind, problem=brief(error)), b""
    report = scan(data, KINDS[kind].file_name)
    names = {(each.use.module, each.use.name) for each in report.globals}
    return FormatRow(kind, len(data), save, load, verdict=report.verdict, names=len(names)), data


def witnessed(subject: Subject, files: Mapping[FileFormat, bytes]) -> dict[FileFormat, dict[str, Any]]:
    """What a new process that cannot import this app says of each file."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for kind, data in files.items():
            (place / KINDS[kind].file_name).write_bytes(data)
        names = {kind.value: KINDS[kind].file_name for kind in files}
        (place / "files.json").write_text(json.dumps(names), encoding="utf-8")
        example = {"args": subject.args, "kwargs": subject.kwargs, "outputs": subject.outputs}
        torch.save(example, place / "example.pt")
        done = subprocess.run(  # noqa: S603 - this Python and a script of ours
            [sys.executable, "-I", str(_WITNESS), folder],
            cwd=folder,
            env=clean_environment() | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=WITNESS_SECONDS,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"the witness ended with {done.returncode}: {done.stderr[-300:]}")
    said = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {FileFormat(each["format"]): each for each in said}


def compare(model: str, seed: int, child: Child) -> FormatsReport:
    """A zoo model in every format, saying how far it is."""
    child.emit({"stage": "loading the exporters"})
    import onnxruntime  # noqa: F401 - only so that its import is not measured
    import onnxscript  # noqa: F401 - the same

    torch.manual_seed(0)
    made = zoo.build(model, seed)
    about = subject(made)
    rows: dict[FileFormat, FormatRow] = {}
    files: dict[FileFormat, bytes] = {}
    with alone(lambda: child.emit({"stage": "waiting for another measurement"}), TURN_SECONDS):
        for kind in FileFormat:
            child.emit({"stage": f"measuring {KINDS[kind].title}"})
            rows[kind], data = measure(about, kind)
            if data:
                files[kind] = data
    child.emit({"stage": "loading the files where this app is not"})
    note = ""
    try:
        for kind, said in witnessed(about, files).items():
            loaded, ran, error = bool(said["loaded"]), bool(said["ran"]), str(said["error"])
            rows[kind] = replace(rows[kind], loads_alone=loaded, runs_alone=ran, alone=error)
    except (OSError, subprocess.SubprocessError, ValueError, RuntimeError) as problem:
        _LOG.warning("the files were not tried elsewhere", exc_info=problem)
        note = f"Whether the files load elsewhere was not tried: {brief(problem)}"
    parameters = sum(each.numel() for each in made.module.state_dict().values())
    return FormatsReport(
        model=model,
        title=made.title,
        seed=seed,
        parameters=parameters,
        rows=tuple(rows.values()),
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        note=note,
    )


def main() -> None:
    """Compares the formats of the model that the parent names."""
    child = Child()
    warnings.simplefilter("ignore")
    try:
        report = compare(str(child.request["model"]), int(child.request["seed"]), child)
        child.emit({"formats": wire.write(FormatsReport, report)})
    except MemoryError:
        child.fail(memory_error(child.memory_bytes))
    except ValueError as error:
        child.fail(str(error))
    except Exception as error:  # noqa: BLE001 - a visitor gets a line whatever happens
        _LOG.error("The task failed.", exc_info=error)
        child.fail(brief(error))


if __name__ == "__main__":
    main()
