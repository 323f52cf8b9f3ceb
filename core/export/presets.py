"""Exports that each fall into one trap, and what gets them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.export.hazards import HazardKind
from core.export.plan import Exporter, ExportPlan


@dataclass(frozen=True)
class Preset:
    """One trap to walk into.

    Attributes:
        key: short name for a link.
        title: what a menu says.
        plan: the export that falls into it.
        kind: the trap.
        words: one sentence on what to watch.
        fixed: the export that does not; None if no exporter can, and then `unfixed` says why.
    """

    key: str
    title: str
    plan: ExportPlan
    kind: HazardKind
    words: str
    fixed: ExportPlan | None
    unfixed: str = ""


_LEGACY: Final = Exporter.LEGACY
PRESETS: Final = (
    Preset(
        "batch-of-one", "An encoder shown one example",
        ExportPlan("transformer", batch=1, opset=18), HazardKind.BATCH_ONE,
        "The checker passes it and batch 1 agrees; every other batch breaks in a Reshape.",
        ExportPlan("transformer", opset=18),
    ),
    Preset(
        "opset", "Opset 15 for a convolution",
        ExportPlan("cnn"), HazardKind.SILENT_OPSET,
        "Opset 15 is asked for, the export succeeds, and the file says 18.",
        ExportPlan("cnn", exporter=_LEGACY),
    ),
    Preset(
        "empty-file", "Weights beside a small model",
        ExportPlan(external_data=True), HazardKind.EMPTY_EXTERNAL_DATA,
        "A second file appears, with 0 bytes: the 22 numbers of this model are in the first.",
        ExportPlan(),
    ),
    Preset(
        "second-file", "Weights beside a larger model",
        ExportPlan("mlp", external_data=True), HazardKind.SECOND_FILE,
        "Now half of the bytes are in the second file, and the first does not load without it.",
        ExportPlan("mlp"),
    ),
    Preset(
        "dropout", "Dropout that still drops",
        ExportPlan("dropout", opset=18, training=True), HazardKind.TRAINING_MODE,
        "A Dropout node with its training flag set is in the file, and ONNX Runtime hides it.",
        ExportPlan("dropout", opset=18),
    ),
    Preset(
        "runtimes", "One file, two results",
        ExportPlan("dropout", exporter=_LEGACY, training=True), HazardKind.RUNTIMES_DIFFER,
        "ONNX Runtime agrees with PyTorch to the last digits; ONNX's own evaluator drops half the numbers.",
        ExportPlan("dropout", exporter=_LEGACY),
    ),
    Preset(
        "batch-norm", "Batch norm in training mode",
        ExportPlan("cnn", exporter=_LEGACY, training=True), HazardKind.TRAINING_MODE,
        "Every comparison fails, at the example's own batch too, and the checker has nothing against it.",
        ExportPlan("cnn", exporter=_LEGACY),
    ),
    Preset(
        "early-exit", "An `if` on the numbers",
        ExportPlan("early_exit", exporter=_LEGACY), HazardKind.DATA_DEPENDENT,
        "Random numbers agree at all batches; zeros should leave early, and the file does not.",
        None,
        "The newer exporter refuses this model, and the older one follows one way: the model itself has to "
        "choose with `torch.where` or `torch.cond`.",
    ),
    Preset(
        "item", "A number taken out with .item()",
        ExportPlan("python_scale", exporter=_LEGACY), HazardKind.BAKED_CONSTANT,
        "The example's largest number is in the file as a constant, and all other inputs are divided by it.",
        ExportPlan("python_scale", opset=18),
    ),
    Preset(
        "loop", "A loop over the batch",
        ExportPlan("loop_over_batch", exporter=_LEGACY), HazardKind.UNROLLED_LOOP,
        "The example has two rows, so the file holds two copies of the layer and takes no third row.",
        None,
        "The newer exporter refuses an open batch here, and the older one writes the loop out: the model "
        "itself has to work on the whole batch.",
    ),
    Preset(
        "unseen", "One input left closed",
        ExportPlan("keywords", exporter=_LEGACY, dynamic=("x:0",)), HazardKind.FIXED_BATCH,
        "`x` has an open batch, `scale` and `shift` do not: batch 2 agrees and no other runs.",
        ExportPlan("keywords", exporter=_LEGACY),
    ),
    Preset(
        "fixed", "No open axis",
        ExportPlan(dynamic=()), HazardKind.FIXED_BATCH,
        "The input says (2, 10): the file takes two examples, not one and not three.",
        ExportPlan(),
    ),
    Preset(
        "invalid", "Converted into an invalid file",
        ExportPlan("python_scale"), HazardKind.INVALID,
        "The opset is 15 as asked for, an attribute is opset 18's, and nothing loads the file.",
        ExportPlan("python_scale", opset=18),
    ),
    Preset(
        "old-opset", "An opset from 2017",
        ExportPlan(exporter=_LEGACY, opset=7), HazardKind.WEIGHTS_AS_INPUTS,
        "The weight and the bias appear among the inputs, where anyone can replace them.",
        ExportPlan(exporter=_LEGACY),
    ),
    Preset(
        "pooling", "Pooling to three places",
        ExportPlan("pooled", exporter=_LEGACY), HazardKind.REFUSED,
        "The older exporter refuses; the newer one writes the windows out.",
        ExportPlan("pooled", opset=18),
    ),
    Preset(
        "svd", "Singular values",
        ExportPlan("singular_values", exporter=_LEGACY), HazardKind.REFUSED,
        "No operator of ONNX computes them, and both exporters say so.",
        None,
        "Neither exporter knows `svdvals`: compute it outside the graph.",
    ),
)  # fmt: skip
"""At least one for every kind of trap that is not only a symptom."""
