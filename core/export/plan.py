"""What to export and how: one value that a page fills in, a link carries and a child process reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from torch import nn

from core import zoo
from core.export.specimens import build, titles
from core.zoo import ZooModel

MIN_OPSET: Final = 7
MAX_OPSET: Final = 23
"""The operator sets that PyTorch's exporters know; the legacy one up to `MAX_LEGACY_OPSET`."""
MAX_LEGACY_OPSET: Final = 20
MAX_BATCH: Final = 64
MAX_NAME: Final = 64


class ExportError(ValueError):
    """An export that cannot be made: one line with what came, what was expected, what to do."""


class Exporter(StrEnum):
    """PyTorch's two exporters."""

    DYNAMO = "dynamo"
    LEGACY = "legacy"


@dataclass(frozen=True)
class ExportPlan:
    """One export.

    Attributes:
        model: a name of the zoo, or of a specimen.
        seed: of the model's weights and of the example.
        batch: how many examples the model is shown while it is exported.
        exporter: which of PyTorch's two.
        opset: the operator set that is asked for.
        dynamic: the axes that stay open, as `input:axis`; None for the batch of every input, () for none.
        optimize: whether the exporter may fold constants and simplify.
        training: whether the model is left in training mode, as a forgotten `model.eval()` does.
        external_data: whether weights go into a file beside the model, as PyTorch does unless told not to.
        input_names, output_names: what the graph calls them; () for the model's own names.

    Raises:
        ExportError: if any of these cannot be.
        ZooError: if the seed cannot be.
    """

    model: str = "simple_mlp"
    seed: int = 0
    batch: int = 2
    exporter: Exporter = Exporter.DYNAMO
    opset: int = 15
    dynamic: tuple[str, ...] | None = None
    optimize: bool = True
    training: bool = False
    external_data: bool = False
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what no exporter could do."""
        if self.model not in titles():
            raise ExportError(f"There is no model `{self.model[:40]}`: choose one of {', '.join(titles())}.")
        zoo.checked_seed(self.seed)
        if not 1 <= self.batch <= MAX_BATCH:
            raise ExportError(f"The example's batch is {self.batch}: choose 1 to {MAX_BATCH}.")
        most = MAX_OPSET if self.exporter is Exporter.DYNAMO else MAX_LEGACY_OPSET
        if not MIN_OPSET <= self.opset <= most:
            raise ExportError(
                f"Opset {self.opset} is none that the {self.exporter} exporter knows: choose {MIN_OPSET} to "
                f"{most}."
            )
        _check_names("input", self.input_names)
        _check_names("output", self.output_names)

    def build(self) -> ZooModel:
        """The model, in the mode that the plan names.

        Raises:
            ExportError: if names or axes do not fit it.
        """
        made = build(self.model, self.seed)
        made.module.train(self.training)
        if self.input_names and len(self.input_names) != len(made.inputs):
            raise ExportError(
                f"{len(self.input_names)} input names came for a model with {len(made.inputs)} inputs "
                f"({', '.join(made.input_names)}): give one each."
            )
        self.dynamic_axes(made)
        return made

    def names_of_inputs(self, made: ZooModel) -> tuple[str, ...]:
        """What the graph's inputs are called, in order."""
        return self.input_names or made.input_names

    def dynamic_axes(self, made: ZooModel) -> dict[str, dict[int, str]]:
        """The open axes by input of the model, each with its name in the graph.

        Raises:
            ExportError: for an axis that the model does not have.
        """
        if self.dynamic is None:
            return {each.name: {each.batch_axis: "batch"} for each in made.inputs}
        found: dict[str, dict[int, str]] = {}
        for text in self.dynamic:
            if text not in axes(made):
                raise ExportError(
                    f"`{text[:40]}` is no axis of {made.name}: choose among {', '.join(axes(made))}."
                )
            name, _, place = text.rpartition(":")
            batch = int(place) == made.batch_axes[name]
            found.setdefault(name, {})[int(place)] = "batch" if batch else f"{name}_{place}"
        return found


def axes(made: ZooModel) -> tuple[str, ...]:
    """Every axis that could stay open, as a plan writes it."""
    return tuple(f"{each.name}:{place}" for each in made.inputs for place in range(len(each.shape) + 1))


def check_graph_names(module: nn.Module, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    """Refuses names that a graph cannot have beside each other: exporters write broken files then.

    Raises:
        ExportError: if an output is called like an input, or one of them like a weight.
    """
    weights = {name for name, _ in (*module.named_parameters(), *module.named_buffers())}
    for name in (*inputs, *outputs):
        if name in inputs and name in outputs:
            raise ExportError(f"`{name[:40]}` names an input and an output: give one of them another name.")
        if name in weights:
            raise ExportError(f"`{name[:40]}` is the name of a weight: give the graph's value another one.")


def _check_names(what: str, names: tuple[str, ...]) -> None:
    for name in names:
        if not name or len(name) > MAX_NAME or not name.isprintable() or any(map(str.isspace, name)):
            raise ExportError(
                f"`{' '.join(name.split())[:40]}` cannot be the name of an {what}: give 1 to {MAX_NAME} "
                "characters without spaces."
            )
    if len(set(names)) != len(names):
        raise ExportError(f"Two {what}s cannot have one name: {', '.join(names)[:80]}.")
