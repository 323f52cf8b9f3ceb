"""The layers of a model as a table: name, type, parameters, and what each gave in a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from core.hooks.calls import Call
from core.hooks.spec import ROOT_NAME


@dataclass(frozen=True)
class Layer:
    """One row.

    Attributes:
        name: as in `named_modules()`; the empty string is the model itself.
        type: its class.
        depth: how many layers it is inside of.
        parameters: how many numbers its own parameters hold, without those of the layers inside it.
        trainable: how many of them require a gradient.
        parameter_names: its own parameters.
        output: what it gave in its last call, such as `(2, 16)`; empty if it never computed.
        calls: how often it computed in one run of the model.
        shared_with: the layer whose parameters some of its own are; empty if none.
    """

    name: str
    type: str
    depth: int
    parameters: int
    trainable: int
    parameter_names: tuple[str, ...]
    output: str
    calls: int
    shared_with: str

    @property
    def label(self) -> str:
        """The last part of its name; `model` for the root."""
        return self.name.rpartition(".")[2] or ROOT_NAME


def list_layers(model: nn.Module, calls: Sequence[Call]) -> tuple[Layer, ...]:
    """Every layer of a model, in the order of `named_modules()`.

    Args:
        model: any module.
        calls: of one run of it.
    """
    owners: dict[int, str] = {}
    rows = []
    for name, module in model.named_modules():
        own = {key: value for key, value in module._parameters.items() if value is not None}
        shared = next((owners[id(value)] for value in own.values() if id(value) in owners), "")
        for value in own.values():
            owners.setdefault(id(value), name or ROOT_NAME)
        mine = [call for call in calls if call.layer == name and call.phase == "forward"]
        rows.append(
            Layer(
                name=name,
                type=type(module).__name__,
                depth=name.count(".") + 1 if name else 0,
                parameters=sum(value.numel() for value in own.values()),
                trainable=sum(value.numel() for value in own.values() if value.requires_grad),
                parameter_names=tuple(own),
                output=_shapes(mine[-1]) if mine else "",
                calls=len(mine),
                shared_with=shared,
            )
        )
    return tuple(rows)


def total_parameters(model: nn.Module) -> int:
    """How many numbers a model's parameters hold; a shared parameter counts once."""
    return sum(parameter.numel() for parameter in model.parameters())


def _shapes(call: Call) -> str:
    texts = []
    for output in call.outputs[:3]:
        where = output.role.removeprefix("output")
        texts.append(f"{where}: {output.shape}" if where else str(output.shape))
    return ", ".join(texts + ["…"] * (len(call.outputs) > 3))
