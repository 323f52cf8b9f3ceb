"""What an exporter warns of, in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_SAID: Final = 240


@dataclass(frozen=True)
class Remark:
    """One warning.

    Attributes:
        said: the exporter's own words, shortened.
        meaning: what it means for the file; empty if nobody has put it into words yet.
    """

    said: str
    meaning: str


_MEANINGS: Final = (
    (
        r"legacy TorchScript-based ONNX export",
        "This is the older exporter, which PyTorch no longer develops: it writes down one run of the model.",
    ),
    (
        r"Setting ONNX exporter to use operator set version (\d+) because the requested opset_version (\d+)",
        "Opset {2} was asked for; the exporter works in opset {1} and tries to convert afterwards.",
    ),
    (
        r"conversion is not supported by the onnxscript version converter and fallback",
        "The exporter's own converter cannot go back that far, so ONNX's older one was asked.",
    ),
    (
        r"Failed to convert the model to the target version (\d+)",
        "The conversion to opset {1} failed, and the file kept the newer opset. Nothing else says so.",
    ),
    (
        r"Converting a tensor to a Python (?!boolean)(\w+)",
        "Python took a {1} out of a tensor: the file keeps the one that this example gave.",
    ),
    (
        r"Converting a tensor to a Python (\w+)",
        "A decision in Python looked at a number in a tensor: the file holds only the way taken this time.",
    ),
    (
        r"Iterating over a tensor",
        "A Python loop ran over a tensor: the file repeats it as often as this example did.",
    ),
    (
        r"while it is in training mode",
        "The model was in training mode: dropout and batch norm behave as in training.",
    ),
    (
        r"constant folding be turned off",
        "Constants are folded although the model is in training mode.",
    ),
    (
        r"Removing mutation from node .*?'([\w.]+)'",
        "The model changes its buffer `{1}` as it runs; a graph cannot, and the change was left out.",
    ),
    (
        r"batch_size other than 1, with a variable length with LSTM",
        "An LSTM's first state may keep the batch of the example: see the parity at other batches.",
    ),
    (
        r"axis name: (\S+) will not be used, since it shares the same shape constraints",
        "Several inputs share the open axis `{1}`: they must have the same size there.",
    ),
    (
        r"tensor attributes? (.+?)(?:,| were| was)",
        "The model sets an attribute of its own while it runs (`{1}`); the file does not.",
    ),
    (
        r"Constant folding - unsupported opset",
        "In so old an opset the exporter folds no constants: the graph is longer than it needs to be.",
    ),
    (
        r"trace might not generalize|might cause the trace to be incorrect",
        "The exporter followed one run of the model, and not everything in it may hold for others.",
    ),
    (
        r"keep_initializers_as_inputs",
        "In so old an opset every weight is an input of the graph too, and can be replaced from outside.",
    ),
)  # fmt: skip
_NOISE: Final = re.compile(
    r"LeafSpec|The feature will be removed|torchvision is not installed|Setting `training` to something other"
    r"|_check_is_size will be removed"
)
_PLACE: Final = re.compile(r" \(Triggered internally at .*\)$")
"""Where in PyTorch's own sources a warning was made."""


def explain(said: Iterable[str]) -> tuple[Remark, ...]:
    """The remarks in an exporter's warnings, each meaning once; not those on PyTorch's own insides."""
    found: dict[str, Remark] = {}
    for text in said:
        line = _PLACE.sub("", " ".join(text.split()))
        if _NOISE.search(line):
            continue
        meaning = _meaning(line)
        short = line if len(line) <= _SAID else f"{line[: _SAID - 1]}…"
        found.setdefault(meaning or short, Remark(short, meaning))
    return tuple(found.values())


def _meaning(line: str) -> str:
    for pattern, words in _MEANINGS:
        match = re.search(pattern, line)
        if match is not None:
            return words.format(match.group(0), *match.groups())
    return ""
