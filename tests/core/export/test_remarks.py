"""What the exporters warn of is put into plain words: each of these is met by what PyTorch really says."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.export import export, remarks, to_onnx
from core.export import exporter as module_under_watch
from core.export.plan import Exporter, ExportPlan
from core.export.remarks import Remark, explain

LEGACY = Exporter.LEGACY


class ThroughNumpy(nn.Module):
    """Leaves PyTorch on its way, which only a tracer takes without a word of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.from_numpy(np.tanh(x.detach().numpy()))


class NewConstant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.tensor(3.0)


PLANS: dict[str, ExportPlan] = {
    "plain": ExportPlan(exporter=LEGACY),
    "training": ExportPlan("cnn", exporter=LEGACY, training=True),
    "lstm": ExportPlan("lstm", exporter=LEGACY),
    "loop": ExportPlan("loop_over_batch", exporter=LEGACY),
    "scale": ExportPlan("python_scale", exporter=LEGACY),
    "decision": ExportPlan("early_exit", exporter=LEGACY),
    "transformer": ExportPlan("transformer", exporter=LEGACY),
    "old": ExportPlan("lstm", exporter=LEGACY, opset=7),
    "new": ExportPlan(),
    "new, opset 20": ExportPlan(opset=20),
    "new, kept": ExportPlan("dropout", training=False),
    "new, training": ExportPlan("keywords", training=True),
    "new, lstm": ExportPlan("lstm", opset=18),
}


@pytest.fixture(scope="module")
def heard() -> dict[str, tuple[str, ...]]:
    """By export, every text that was warned of or logged, before any of it is explained or dropped."""
    caught: list[tuple[str, ...]] = []

    def listen(said: Any) -> tuple[Remark, ...]:  # noqa: ANN401 - an iterable of texts
        caught.append(tuple(said))
        return explain(caught[-1])

    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module_under_watch, "explain", listen)
        for name, plan in PLANS.items():
            export(plan)
            found[name] = caught[-1]
        for name, model in (("numpy", ThroughNumpy()), ("constant", NewConstant())):
            to_onnx(model, (torch.ones(2, 3),), input_names=["x"], batch_axes={"x": 0}, exporter=LEGACY)
            found[name] = caught[-1]
    return found


BUFFER = "`bn1.num_batches_tracked`"
WEIGHTS = "`self.lstm._flat_weights[0]`"
MEANINGS = [
    (
        "plain",
        "This is the older exporter, which PyTorch no longer develops: it writes down one run of the model.",
    ),
    ("new", "Opset 15 was asked for; the exporter works in opset 18 and tries to convert afterwards."),
    ("new", "The exporter's own converter cannot go back that far, so ONNX's older one was asked."),
    (
        "new, kept",
        "The conversion to opset 15 failed, and the file kept the newer opset. Nothing else says so.",
    ),
    (
        "scale",
        "Python took a number out of a tensor: the file keeps the one that this example gave.",
    ),
    (
        "decision",
        "A decision in Python looked at a number in a tensor: the file holds only the way taken this time.",
    ),
    ("loop", "A Python loop ran over a tensor: the file repeats it as often as this example did."),
    ("new, training", "The model was in training mode: dropout and batch norm behave as in training."),
    ("training", "Constants are folded although the model is in training mode."),
    (
        "training",
        f"The model changes its buffer {BUFFER} as it runs; a graph cannot, and the change was left out.",
    ),
    ("lstm", "An LSTM's first state may keep the batch of the example: see the parity at other batches."),
    (
        "new, training",
        "Several inputs share the open axis `batch`: they must have the same size there.",
    ),
    (
        "new, lstm",
        f"The model sets an attribute of its own while it runs ({WEIGHTS}); the file does not.",
    ),
    (
        "numpy",
        "The exporter followed one run of the model, and not everything in it may hold for others.",
    ),
    (
        "constant",
        "The exporter followed one run of the model, and not everything in it may hold for others.",
    ),
    (
        "old",
        "In so old an opset every weight is an input of the graph too, and can be replaced from outside.",
    ),
    ("old", "In so old an opset the exporter folds no constants: the graph is longer than it needs to be."),
]


@pytest.mark.parametrize(("name", "meaning"), MEANINGS)
def test_what_pytorch_says_has_a_meaning(heard: dict[str, tuple[str, ...]], name: str, meaning: str) -> None:
    assert meaning in [remark.meaning for remark in explain(heard[name])]


def test_every_meaning_that_there_is_was_met(heard: dict[str, tuple[str, ...]]) -> None:
    said = [" ".join(text.split()) for texts in heard.values() for text in texts]
    met = {remarks._meaning(text) for text in said}
    for pattern, words in remarks._MEANINGS:
        head = words.split("{")[0].split("`")[0][:20]
        assert any(text.startswith(head) for text in met if text), pattern
    assert len(remarks._MEANINGS) == len({meaning for _, meaning in MEANINGS})


def test_nothing_that_an_export_says_is_left_unexplained(heard: dict[str, tuple[str, ...]]) -> None:
    left = {name: [each.said for each in explain(said) if not each.meaning] for name, said in heard.items()}
    assert not any(left.values()), left


@pytest.mark.parametrize("name", ["training", "lstm", "transformer", "plain"])
def test_what_pytorchs_own_layers_test_is_no_decision_of_the_model(
    heard: dict[str, tuple[str, ...]], name: str
) -> None:
    assert heard[name]
    assert not any("Converting a tensor" in text for text in heard[name])


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("plain", "The feature will be removed"),
        ("training", "Setting `training` to something other than default is deprecated"),
        ("new", "LeafSpec"),
        ("new", "torchvision is not installed"),
    ],
)
def test_what_is_about_pytorchs_own_insides_is_dropped(
    heard: dict[str, tuple[str, ...]], name: str, noise: str
) -> None:
    assert any(noise in text for text in heard[name])
    assert not any(noise in remark.said for remark in explain(heard[name]))


def test_a_clean_export_has_no_remarks(heard: dict[str, tuple[str, ...]]) -> None:
    assert heard["new, opset 20"]
    assert explain(heard["new, opset 20"]) == ()


def test_each_meaning_comes_once_and_each_said_is_short(heard: dict[str, tuple[str, ...]]) -> None:
    for said in heard.values():
        found = explain(said)
        assert len({remark.meaning for remark in found}) == len(found)
        for remark in found:
            assert len(remark.said) <= 240
            assert len(remark.said.splitlines()) == 1
            assert "Triggered internally" not in remark.said


def test_words_that_nobody_knows_are_kept_as_they_are() -> None:
    assert explain(["two\n  lines", "two lines", "x" * 300]) == (
        Remark("two lines", ""),
        Remark("x" * 239 + "…", ""),
    )
    assert explain([]) == ()
