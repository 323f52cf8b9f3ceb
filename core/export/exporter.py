"""The export itself: PyTorch's exporter, what it said, and the file that came out.

`torch.onnx.export` patches PyTorch for the whole process while it works, and takes 200 MB: call this in a
process of its own (`core.export.child`), never in a server.
"""

from __future__ import annotations

import copy
import inspect
import io
import logging
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import onnx
import torch
from torch import Tensor, nn

from core.export.graph import Graph, describe
from core.export.plan import Exporter, ExportError, ExportPlan, check_graph_names
from core.export.remarks import Remark, explain
from core.zoo import ZooModel

_LOGGERS: Final = ("torch", "onnxscript", "onnx_ir")
_HEARD: Final = ("torch.onnx", "onnxscript")
"""Of what these log, what is about the export itself."""
_FILE: Final = "model.onnx"
_TALK: Final = 300


@dataclass(frozen=True)
class ExportedModel:
    """A model that was exported.

    Attributes:
        data: the ONNX file.
        exporter: which made it.
        opset_asked: the operator set that was asked for.
        opset: the one that the file has.
        remarks: what the exporter warned of, in its words and in plain ones.
        seconds: what the export took, without imports.
        files: what was written: name and bytes of each.
        graph: what the file holds.
    """

    data: bytes
    exporter: Exporter
    opset_asked: int | None
    opset: int
    remarks: tuple[Remark, ...]
    seconds: float
    files: tuple[tuple[str, int], ...]
    graph: Graph

    @property
    def warnings(self) -> tuple[str, ...]:
        """The remarks in plain words."""
        return tuple(remark.meaning or remark.said for remark in self.remarks)


def export(plan: ExportPlan, made: ZooModel | None = None) -> ExportedModel:
    """Exports what a plan says.

    Args:
        plan: what and how.
        made: the plan's model, if it has been built already.

    Raises:
        ExportError: if the plan does not fit its model, or the exporter refuses it.
    """
    made = made or plan.build()
    inputs = made.example_inputs(plan.batch, seed=plan.seed)
    args, kwargs = made.arguments(inputs)
    own_names = output_names(made.module, args, kwargs)
    if plan.output_names and own_names and len(plan.output_names) != len(own_names):
        raise ExportError(
            f"{len(plan.output_names)} output names came, and the outputs of this model are "
            f"{', '.join(own_names)}: give one name each."
        )
    return _export(
        made.module,
        args,
        kwargs,
        exporter=plan.exporter,
        opset=plan.opset,
        input_names=plan.names_of_inputs(made),
        output_names=plan.output_names or own_names,
        dynamic=plan.dynamic_axes(made),
        optimize=plan.optimize,
        external_data=plan.external_data,
    )


def to_onnx(
    model: nn.Module,
    example_inputs: Sequence[Tensor],
    *,
    input_names: Sequence[str],
    batch_axes: Mapping[str, int],
    opset: int | None = None,
    exporter: Exporter | str = Exporter.DYNAMO,
    output_names: Sequence[str] = (),
    optimize: bool = True,
) -> ExportedModel:
    """Exports any module that takes tensors by position; the module stays as it is.

    Args:
        model: in the mode, training or evaluation, that the file shall compute.
        example_inputs: one tensor per argument of its `forward`, in order. With a batch of 1 an exporter may
            take it for constant: give 2 or more.
        input_names: what the graph calls them, in the same order.
        batch_axes: by input name, the axis that stays open.
        opset: the operator set to ask for; None for PyTorch's default.
        exporter: which of PyTorch's two.
        output_names: what the graph calls the outputs; () leaves it to this function: `output`, or the keys
            of a dictionary.
        optimize: whether the exporter may fold constants and simplify.

    Raises:
        ExportError: if the names do not fit the inputs, or the exporter refuses the model.
    """
    args = tuple(example_inputs)
    if len(input_names) != len(args):
        raise ExportError(f"{len(input_names)} names came for {len(args)} inputs: give one each.")
    unknown = sorted(set(batch_axes) - set(input_names))
    if unknown:
        raise ExportError(f"`{unknown[0]}` has a batch axis and is no input: {', '.join(input_names)}.")
    parameters = _parameters(model, len(args))
    dynamic = {
        parameter: {batch_axes[name]: "batch"}
        for parameter, name in zip(parameters, input_names, strict=True)
        if name in batch_axes
    }
    return _export(
        model,
        args,
        {},
        exporter=Exporter(exporter),
        opset=opset,
        input_names=tuple(input_names),
        output_names=tuple(output_names) or output_names_of(model, args),
        dynamic=dynamic,
        optimize=optimize,
        external_data=False,
    )


def output_names_of(model: nn.Module, args: Sequence[Tensor]) -> tuple[str, ...]:
    """Names for the outputs of a module called with these tensors."""
    return output_names(model, args, {})


def output_names(model: nn.Module, args: Sequence[Tensor], kwargs: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Names for a module's outputs: a dictionary's keys, `output`, or `output_0` and on for several.

    Raises:
        ExportError: if the module does not run on these inputs.
    """
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            output = copy.deepcopy(model)(*args, **kwargs)
    except Exception as error:  # a module raises what it likes
        said = " ".join(str(error).split())[:_TALK] or type(error).__name__
        raise ExportError(f"The model does not run on these inputs: {said}") from error
    if isinstance(output, Tensor):
        return ("output",)
    if isinstance(output, Mapping):
        return tuple(str(key) for key in output)
    if isinstance(output, tuple | list) and all(isinstance(each, Tensor) for each in output):
        return tuple(f"output_{place}" for place in range(len(output)))
    return ()


def _export(
    model: nn.Module,
    args: tuple[Tensor, ...],
    kwargs: Mapping[str, Tensor],
    *,
    exporter: Exporter,
    opset: int | None,
    input_names: tuple[str, ...],
    output_names: tuple[str, ...],
    dynamic: Mapping[str, Mapping[int, str]],
    optimize: bool,
    external_data: bool,
) -> ExportedModel:
    check_graph_names(model, input_names, output_names)
    parameters = [*_parameters(model, len(args)), *kwargs]
    options: dict[str, Any] = {
        "kwargs": dict(kwargs),
        "input_names": list(input_names),
        "output_names": list(output_names) or None,
        "opset_version": opset,
    }
    if exporter is Exporter.DYNAMO:
        shapes = {name: dict(dynamic.get(name, {})) for name in parameters}
        options |= {
            "dynamo": True,
            "dynamic_shapes": shapes if any(shapes.values()) else None,
            "external_data": external_data,
            "optimize": optimize,
            "verbose": False,
        }
    else:
        named = dict(zip(parameters, input_names, strict=True))
        options |= {
            "dynamo": False,
            "dynamic_axes": {named[name]: dict(open_axes) for name, open_axes in dynamic.items()},
            "do_constant_folding": optimize,
            "training": torch.onnx.TrainingMode.TRAINING if model.training else torch.onnx.TrainingMode.EVAL,
        }
    # A copy: in training mode an export runs the model, and its running averages move.
    copied = copy.deepcopy(model)
    rng = torch.random.fork_rng(devices=[])
    with rng, tempfile.TemporaryDirectory() as folder, _listening() as heard:
        path = Path(folder, _FILE)
        start = time.perf_counter()
        try:
            torch.onnx.export(copied, args, str(path), **options)
        except Exception as error:
            # An exporter raises what it likes: KeyError, AssertionError, its own. All are refusals, but one.
            inner = _innermost(error)
            if isinstance(inner, MemoryError) or "can't allocate memory" in str(inner):
                raise MemoryError(str(inner)) from error
            raise ExportError(_refusal(inner, exporter)) from error
        seconds = time.perf_counter() - start
        files = tuple(sorted((each.name, each.stat().st_size) for each in Path(folder).iterdir()))
        data = _in_one_file(path)
    graph = describe(onnx.load_model_from_string(data), len(data))
    return ExportedModel(data, exporter, opset, graph.opset or 0, explain(heard), seconds, files, graph)


def _in_one_file(path: Path) -> bytes:
    """The model's bytes, with whatever the exporter put beside it."""
    if len(list(path.parent.iterdir())) == 1:
        return path.read_bytes()
    whole: bytes = onnx.load_model(path).SerializeToString()
    return whole


def _parameters(model: nn.Module, count: int) -> list[str]:
    """The names of the first arguments of a module's `forward`."""
    parameters = inspect.signature(model.forward).parameters.values()
    by_position = [
        each.name for each in parameters if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}
    ]
    if len(by_position) < count:
        raise ExportError(
            f"`forward` names {len(by_position)} arguments and {count} tensors came: write it without *args."
        )
    return by_position[:count]


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collects what is warned of and logged about the export, each text once, and keeps the log quiet.

    What is printed, a whole graph when dynamo refuses one, is dropped, and so is what the tracer has against
    PyTorch's own layers: they test their shapes, which is no decision of the model's.
    """
    heard: list[str] = []

    def hear(text: str) -> None:
        if text not in heard:
            heard.append(text)

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name.startswith(_HEARD):
                hear(record.getMessage())

    # PyTorch gives some of its loggers handlers of their own.
    names = {*_LOGGERS, *(name for name in logging.root.manager.loggerDict if name.startswith(_LOGGERS))}
    loggers = [logging.getLogger(name) for name in names]
    were = [(logger, logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = ([Ear()], False) if logger.name in _LOGGERS else ([], True)
    try:
        printed = io.StringIO()
        with (
            redirect_stdout(printed),
            redirect_stderr(printed),
            warnings.catch_warnings(record=True) as caught,
        ):
            warnings.simplefilter("always")
            # PyTorch's own filter, which `always` has undone.
            tracer = torch.jit.TracerWarning  # type: ignore[attr-defined] # it is not in torch.jit's list
            warnings.filterwarnings("ignore", category=tracer, module=r"torch\.(?!jit)")
            yield heard
        for warning in caught:
            hear(str(warning.message))
    finally:
        for logger, handlers, propagate in were:
            logger.handlers, logger.propagate = handlers, propagate


def _innermost(error: BaseException) -> BaseException:
    """The first cause of an error: it says most."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _refusal(error: BaseException, exporter: Exporter) -> str:
    """One line on why an export failed."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = " ".join(lines[:3])[:_TALK] or type(error).__name__
    return f"The {exporter} exporter refuses this model: {said}"
