"""A model's ONNX file, and how long it took to make."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, field

from core import zoo
from core.engines.engine import EngineError
from core.engines.ort import export_onnx


@dataclass(frozen=True)
class Exported:
    """A file for all of ONNX Runtime's engines.

    Attributes:
        data: the file; empty if none was needed, or the exporter refuses the model.
        seconds: what the export took. The first export of a process takes longer, since the exporter itself
            is loaded by it.
        refusal: why there is no file though one was needed, in one line.
    """

    data: bytes = field(default=b"", repr=False)
    seconds: float = 0.0
    refusal: str = ""


@functools.lru_cache(maxsize=16)
def export_timed(model: str, seed: int) -> Exported:
    """Exports a model of the zoo; in the process that measures, never in a server.

    The file is the same for every job of that process, and so made once: it has nothing of any visitor.

    Raises:
        ZooError: if there is no such model.
        EngineError: if PyTorch's exporter refuses it.
    """
    made = zoo.build(model, seed)
    start = time.perf_counter()
    data = export_onnx(made)
    return Exported(data, time.perf_counter() - start)


def export_if_possible(model: str, seed: int) -> Exported:
    """The same, with a refusal as part of the answer: engines that need no file can still run the model."""
    try:
        return export_timed(model, seed)
    except EngineError as error:
        return Exported(refusal=str(error))
