"""How a module is written in each format and read again: our own files, in a process of our own.

Reading a pickle of the module imports its classes. It is done with `weights_only=True` and exactly the names
that the file has: files of strangers never come here.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor, nn

from core.export.plan import ExportError, ExportPlan
from core.pickles.lab import safetensors_file
from core.pickles.lab.formats import FileFormat
from core.zoo import ZooModel


class EncodingError(ValueError):
    """A model that cannot be written in a format: one line."""


@dataclass(frozen=True)
class Subject:
    """A model in evaluation mode, with what it is called with.

    Attributes:
        made: of the zoo.
        args, kwargs: an example of a batch of 2.
        outputs: what it gives for it, each tensor in order.
    """

    made: ZooModel
    args: tuple[Tensor, ...]
    kwargs: dict[str, Tensor]
    outputs: tuple[Tensor, ...]

    @property
    def module(self) -> nn.Module:
        """The module."""
        return self.made.module


def subject(made: ZooModel) -> Subject:
    """A zoo model ready to be written. Its module is put into evaluation mode."""
    made.module.eval()
    args, kwargs = made.arguments(made.example_inputs(2))
    with torch.no_grad():
        return Subject(made, args, kwargs, flat(made.module(*args, **kwargs)))


def flat(value: object) -> tuple[Tensor, ...]:
    """The tensors in what a module gives, in order."""
    if isinstance(value, Tensor):
        return (value.detach(),)
    if isinstance(value, Mapping):
        return tuple(each for part in value.values() for each in flat(part))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return tuple(each for part in value for each in flat(part))
    return ()


def encode(subject: Subject, kind: FileFormat) -> bytes:
    """A model as a file.

    Raises:
        EncodingError: if the format does not allow it, in PyTorch's words.
    """
    try:
        with torch.no_grad():
            return _WRITERS[kind](subject)
    except (MemoryError, EncodingError):
        raise
    except Exception as error:  # each format's writer raises what it likes over a model that it does not take
        raise EncodingError(brief(error)) from error


def decode(data: bytes, kind: FileFormat) -> object:
    """What a file of our own gives: a module, tensors, or a session."""
    return _READERS[kind](data)


def brief(error: Exception) -> str:
    """The first line of an error that says something."""
    lines = [" ".join(line.split()) for line in str(error).splitlines()]
    said = next((line for line in lines if len(line) > 3), "")
    return f"{type(error).__name__}: {said}"[:300]


def _pickle(subject: Subject) -> bytes:
    file = io.BytesIO()
    torch.save(subject.module, file)
    return file.getvalue()


def _state_dict(subject: Subject) -> bytes:
    file = io.BytesIO()
    torch.save(subject.module.state_dict(), file)
    return file.getvalue()


def _safetensors(subject: Subject) -> bytes:
    return safetensors_file.write(subject.module.state_dict())


def _torchscript(subject: Subject) -> bytes:
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(subject.module), file)
    return file.getvalue()


def _export(subject: Subject) -> bytes:
    file = io.BytesIO()
    torch.export.save(torch.export.export(subject.module, subject.args, subject.kwargs), file)
    return file.getvalue()


def _onnx(subject: Subject) -> bytes:
    from core.export.exporter import export

    try:
        return export(ExportPlan(model=subject.made.name), subject.made).data
    except ExportError as error:
        raise EncodingError(str(error)) from error


def _load_pickle(data: bytes) -> object:
    names = torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(data))
    allowed: list[Any] = [(_found(name), name) for name in names]
    with torch.serialization.safe_globals(allowed):
        return torch.load(io.BytesIO(data), weights_only=True)


def _found(full: str) -> object:
    module, _, name = full.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _load_state_dict(data: bytes) -> object:
    return torch.load(io.BytesIO(data), weights_only=True)


def _load_torchscript(data: bytes) -> object:
    return torch.jit.load(io.BytesIO(data))  # type: ignore[no-untyped-call]


def _load_export(data: bytes) -> object:
    return torch.export.load(io.BytesIO(data)).module()


def _load_onnx(data: bytes) -> object:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


_WRITERS: Final[Mapping[FileFormat, Callable[[Subject], bytes]]] = MappingProxyType({
    FileFormat.PICKLE: _pickle,
    FileFormat.STATE_DICT: _state_dict,
    FileFormat.SAFETENSORS: _safetensors,
    FileFormat.TORCHSCRIPT: _torchscript,
    FileFormat.EXPORT: _export,
    FileFormat.ONNX: _onnx,
})  # fmt: skip
_READERS: Final[Mapping[FileFormat, Callable[[bytes], object]]] = MappingProxyType({
    FileFormat.PICKLE: _load_pickle,
    FileFormat.STATE_DICT: _load_state_dict,
    FileFormat.SAFETENSORS: safetensors_file.read,
    FileFormat.TORCHSCRIPT: _load_torchscript,
    FileFormat.EXPORT: _load_export,
    FileFormat.ONNX: _load_onnx,
})  # fmt: skip
