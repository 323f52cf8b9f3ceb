"""What each trap of an export is called, how it comes about and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple


class HazardKind(StrEnum):
    """The traps that are looked for, causes before what they lead to."""

    REFUSED = "refused"
    INVALID = "invalid"
    BATCH_ONE = "batch_one"
    FIXED_BATCH = "fixed_batch"
    DATA_DEPENDENT = "data_dependent"
    BAKED_CONSTANT = "baked_constant"
    UNROLLED_LOOP = "unrolled_loop"
    TRAINING_MODE = "training_mode"
    PARITY = "parity"
    PARITY_UNSEEN = "parity_unseen"
    RUNTIMES_DIFFER = "runtimes_differ"
    SILENT_OPSET = "silent_opset"
    EMPTY_EXTERNAL_DATA = "empty_external_data"
    SECOND_FILE = "second_file"
    WEIGHTS_AS_INPUTS = "weights_as_inputs"


class Advice(NamedTuple):
    """What a page says on a trap.

    Attributes:
        title: a few words for a row.
        why: how it comes about, for a newcomer.
        fix: what to do, in one line.
        code: the same as Python; `$opset` is the plan's, `$same` and `$other` whether this exporter and the
            other one are the newer, `$absolute` and `$relative` the tolerance.
    """

    title: str
    why: str
    fix: str
    code: str


ADVICE: Final[Mapping[HazardKind, Advice]] = MappingProxyType({
    HazardKind.REFUSED: Advice(
        "The exporter refuses",
        "An exporter can only write down what ONNX's operators can say. A refusal is the good case: "
        "nothing wrong gets into a file.",
        "Replace the part that it names by operators that ONNX has, or see whether the other exporter takes "
        "the model, and compare at several batches then.",
        'torch.onnx.export(model, (example,), "model.onnx", dynamo=$other)',
    ),
    HazardKind.INVALID: Advice(
        "The file is not valid",
        "The exporter wrote a file and said nothing. It is refused for the reason that is quoted here, and "
        "no runtime has to open it.",
        "Change what is quoted, or see whether the other exporter writes it well; check after each export.",
        'torch.onnx.export(model, (example,), "model.onnx", dynamo=$other)\n'
        'onnx.checker.check_model("model.onnx", full_check=True)',
    ),
    HazardKind.PARITY: Advice(
        "Other numbers than PyTorch",
        "The file loads and runs, and computes something else than the module does in evaluation mode. "
        "No checker finds that: they look at the graph, not at its numbers.",
        "Compare with PyTorch after every export, and look at the other traps here for the reason.",
        "expected = model.eval()(example).numpy(force=True)\n"
        'given = session.run(None, {"x": example.numpy()})[0]\n'
        "numpy.testing.assert_allclose(given, expected, rtol=$relative, atol=$absolute)",
    ),
    HazardKind.PARITY_UNSEEN: Advice(
        "Fails at batches never seen",
        "The exporter saw one batch, and the file is right for that one. A test with the same example cannot "
        "notice that others fail.",
        "Keep the batch of every input open, and compare at batches that the exporter never saw.",
        'shapes = {name: {0: "batch"} for name in inspect.signature(model.forward).parameters}\n'
        'torch.onnx.export(model, (example,), "model.onnx", dynamic_shapes=shapes)',
    ),
    HazardKind.BATCH_ONE: Advice(
        "Made for a batch of one",
        "In an example with a batch of 1, an exporter cannot tell the batch from an axis that is always 1. "
        "It promises an open batch, and writes the 1 into the graph all the same.",
        "Export with a batch of 2 or more.",
        "example = example.repeat_interleave(2, dim=0)\n"
        'torch.onnx.export(model, (example,), "model.onnx", dynamic_shapes=({0: "batch"},))',
    ),
    HazardKind.FIXED_BATCH: Advice(
        "Only one batch fits",
        "Axes are fixed unless the export names them as open. The file takes the example's batch and no "
        "other.",
        "Name the batch of every input as an open axis.",
        'torch.onnx.export(model, (example,), "model.onnx", dynamic_shapes=({0: "batch"},))',
    ),
    HazardKind.DATA_DEPENDENT: Advice(
        "A decision by the numbers",
        "An `if` in Python looks at a number in a tensor. A graph has no Python: a tracer writes down the "
        "way that the example took, and the newer exporter refuses.",
        "Compute both ways and choose with `torch.where`, or say the choice with `torch.cond`.",
        "x = torch.where(x.mean() > self.threshold, self.block2(x), x)",
    ),
    HazardKind.BAKED_CONSTANT: Advice(
        "A constant baked in",
        "`.item()`, `float()` and `int()` take a number out of a tensor, and from there on it is Python's. "
        "The tracer sees a constant, and writes down the one of this example.",
        "Keep the number a tensor: leave out `.item()`; or use the newer exporter, which follows it.",
        "largest = x.abs().max()",
    ),
    HazardKind.UNROLLED_LOOP: Advice(
        "A loop written out",
        "A Python loop over a tensor runs as often as the example has rows. The file holds that many copies "
        "of its body, and knows nothing of a loop.",
        "Let the layer work on the whole batch at once.",
        "y = self.linear(x)",
    ),
    HazardKind.TRAINING_MODE: Advice(
        "Training mode left on",
        "A new module is in training mode: dropout drops, batch norm uses the batch's own mean. What it was "
        "in while it was exported can get into the file.",
        "Call `model.eval()` before the export.",
        'model.eval()\ntorch.onnx.export(model, (example,), "model.onnx")',
    ),
    HazardKind.RUNTIMES_DIFFER: Advice(
        "Two runtimes, two results",
        "ONNX Runtime and ONNX's own reference evaluator do not read this file alike. Whoever uses a third "
        "runtime cannot know which of them it follows.",
        "Call `model.eval()` before the export, and compare in more than one runtime.",
        "model.eval()\nonnx.reference.ReferenceEvaluator(\"model.onnx\").run(None, {\"x\": example.numpy()})",
    ),
    HazardKind.SILENT_OPSET: Advice(
        "Another opset than asked for",
        "The newer exporter works in opset 18 and converts afterwards. When that fails the file keeps the "
        "newer opset, the export succeeds, and a runtime that knows only the older one refuses the file.",
        "Read the opset out of the file; if you need an older one, the older exporter writes it directly, if "
        "it takes the model.",
        'torch.onnx.export(model, (example,), "model.onnx", opset_version=$opset, dynamo=False)\n'
        'print(onnx.load("model.onnx").opset_import)',
    ),
    HazardKind.EMPTY_EXTERNAL_DATA: Advice(
        "An empty second file",
        "By default the exporter makes a file for weights beside the model. If none goes in there it stays, "
        "empty, and looks like weights that were lost.",
        "Ask for one file; models under 2 GB fit.",
        'torch.onnx.export(model, (example,), "model.onnx", external_data=False)',
    ),
    HazardKind.SECOND_FILE: Advice(
        "Weights in a second file",
        "The model file names the other one by its path beside it. Who copies, uploads or renames one of the "
        "two has a model without its larger weights.",
        "Ask for one file; models under 2 GB fit.",
        'torch.onnx.export(model, (example,), "model.onnx", external_data=False)',
    ),
    HazardKind.WEIGHTS_AS_INPUTS: Advice(
        "Weights are inputs too",
        "Up to opset 8 the older exporter lists every weight among the inputs of the graph as well. Whoever "
        "calls the file can replace it, and a runtime may not count it as a constant.",
        "Ask for opset 9 or newer.",
        'torch.onnx.export(model, (example,), "model.onnx", opset_version=15, dynamo=False)',
    ),
})  # fmt: skip

REFUSED_DECISION: Final = Advice(
    "The exporter refuses",
    "What the model does next depends on the numbers that come in. A refusal is the good case: the older "
    "exporter takes such a model, and its file is silently wrong: it holds only what this one example did.",
    "Stay with this exporter and change the model: compute both ways and choose with `torch.where`, or say "
    "the choice with `torch.cond`.",
    ADVICE[HazardKind.DATA_DEPENDENT].code,
)
INVALID_NAME: Final = Advice(
    "The file is not valid",
    "A name that was asked for is one that the exporter uses inside the graph as well. A name may stand for "
    "one value only, and the exporter does not look.",
    "Choose another name for it, and check after each export.",
    'torch.onnx.export(model, (example,), "model.onnx", output_names=["result"])\n'
    'onnx.checker.check_model("model.onnx", full_check=True)',
)
INVALID_OPSET: Final = Advice(
    "The file is not valid",
    "The exporter wrote a file and said nothing, but an operator in it is not as its opset has it. Runtimes "
    "that check refuse it; others may do anything.",
    "Ask for opset 18 or newer, and check after each export.",
    'torch.onnx.export(model, (example,), "model.onnx", opset_version=18, dynamo=$same)\n'
    'onnx.checker.check_model("model.onnx", full_check=True)',
)
BATCH_DECLARED: Final = Advice(
    "An output declared as one row",
    "In an example with a batch of 1, an exporter cannot tell the batch from an axis that is always 1. The "
    "file takes other batches and is right there: only the shape that it declares for its output is wrong, "
    "and misleads whoever reads it.",
    ADVICE[HazardKind.BATCH_ONE].fix,
    ADVICE[HazardKind.BATCH_ONE].code,
)
"""What is said instead of `ADVICE` where the cause is known better."""
