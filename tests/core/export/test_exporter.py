"""Exports of any module with both of PyTorch's exporters: what comes out computes what went in."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from core import zoo
from core.export import ExportedModel, check_parity, export, to_onnx
from core.export.child import check
from core.export.parity import ABSOLUTE, BATCHES, RELATIVE, Reference, Session, sweep
from core.export.plan import Exporter, ExportError, ExportPlan

BOTH = pytest.mark.parametrize("exporter", Exporter)


class Columns(nn.Module):
    """Two inputs, one of which has its batch on axis 1, and three outputs, one of them of whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 3)

    def forward(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y = self.linear(rows) + columns.T  # (N, 3)
        return y, y.sum(dim=1), y.argmax(dim=1)


class Scalar(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x * x).mean()


def mixed() -> nn.Sequential:
    """A module in which there is much that an export could change."""
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))
    made[4].requires_grad_(requires_grad=False)
    made[0].weight.grad = torch.ones(8, 4)
    return made


def state(module: nn.Module) -> dict[str, Any]:
    """All of a module to the bit."""
    return {
        "numbers": {name: value.numpy().tobytes() for name, value in module.state_dict().items()},
        "gradients": {
            name: (each.requires_grad, None if each.grad is None else each.grad.numpy().tobytes())
            for name, each in module.named_parameters()
        },
        "modules": {
            name: (
                each.training,
                sorted(each.__dict__),
                {key: repr(value) for key, value in each.__dict__.items() if "hook" in key},
            )
            for name, each in module.named_modules()
        },
        "tensors": [id(each) for each in (*module.parameters(), *module.buffers())],
    }


def surroundings() -> dict[str, Any]:
    """What an export could leave behind in the process."""
    loggers = {"": logging.root} | {
        name: each
        for name, each in logging.root.manager.loggerDict.items()
        if isinstance(each, logging.Logger)
    }
    return {
        "generator": torch.random.get_rng_state().numpy().tobytes(),
        "numpy": repr(np.random.get_state()),
        "filters": list(warnings.filters),
        "show": warnings.showwarning,
        "loggers": {
            name: (list(each.handlers), each.propagate, each.level, each.disabled)
            for name, each in loggers.items()
        },
        "gradients": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "threads": torch.get_num_threads(),
    }


@pytest.fixture(scope="module")
def ready() -> None:
    """Imports both exporters: loggers and filters of libraries come with their first import."""
    for exporter in Exporter:
        to_onnx(nn.ReLU(), (torch.ones(2, 2),), input_names=["x"], batch_axes={"x": 0}, exporter=exporter)


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("training", [True, False])
@BOTH
def test_the_module_and_the_process_stay_as_they_are(exporter: Exporter, *, training: bool) -> None:
    module = mixed().train(training)
    calls: list[str] = []
    module[0].register_forward_hook(lambda *_: calls.append("forward"))
    module.register_forward_pre_hook(lambda *_: None)
    example = torch.randn(3, 4)
    example_before = example.clone()
    before, around = state(module), surroundings()
    to_onnx(module, (example,), input_names=["x"], batch_axes={"x": 0}, exporter=exporter)
    found = surroundings()
    # New loggers may come, the old ones stay.
    assert around.pop("loggers").items() <= found.pop("loggers").items()
    assert found == around
    assert state(module) == before
    assert torch.equal(example, example_before)


@pytest.mark.usefixtures("ready")
@BOTH
def test_all_stays_as_it_is_when_the_exporter_refuses(exporter: Exporter) -> None:
    class Refused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(3)

        def forward(self, x: Tensor) -> Tensor:
            values: Tensor = torch.linalg.svdvals(nn.functional.dropout(self.norm(x)))
            return values

    module = Refused().train()
    before, around = state(module), surroundings()
    with pytest.raises(ExportError, match=f"^The {exporter} exporter refuses this model: .*svd"):
        to_onnx(module, (torch.ones(2, 3),), input_names=["x"], batch_axes={"x": 0}, exporter=exporter)
    found = surroundings()
    assert around.pop("loggers").items() <= found.pop("loggers").items()
    assert found == around
    assert state(module) == before


@BOTH
def test_any_module_can_be_exported(exporter: Exporter) -> None:
    module = mixed().eval()
    made = to_onnx(module, (torch.randn(2, 4),), input_names=["x"], batch_axes={"x": 0}, exporter=exporter)
    model = onnx.load_model_from_string(made.data)
    assert made.opset == next(each.version for each in model.opset_import if not each.domain)
    assert made.seconds > 0
    assert all(made.warnings)
    assert [text for text in made.warnings if "older exporter" in text] == [
        text for text in made.warnings if exporter is Exporter.LEGACY
    ]
    assert check(made.data) == ""
    for batch in (1, 2, 5, 33):
        found = check_parity(module, made.data, (torch.randn(batch, 4),))
        assert found.agree
        assert [each.name for each in found.outputs] == ["output"]
        assert found.outputs[0].shape == (batch, 2)


@BOTH
def test_inputs_with_a_batch_of_their_own_and_several_outputs(exporter: Exporter) -> None:
    module = Columns().eval()
    made = to_onnx(
        module,
        (torch.randn(2, 6), torch.randn(3, 2)),
        input_names=["r", "c"],
        batch_axes={"r": 0, "c": 1},
        exporter=exporter,
    )
    assert [(each.name, each.shape_text) for each in made.graph.inputs] == [
        ("r", "(batch, 6)"),
        ("c", "(3, batch)"),
    ]
    assert [each.name for each in made.graph.outputs] == ["output_0", "output_1", "output_2"]
    assert [each.dtype for each in made.graph.outputs] == ["float", "float", "int64"]
    for batch in (1, 2, 9):
        found = check_parity(module, made.data, (torch.randn(batch, 6), torch.randn(3, batch)))
        assert found.agree, found


@BOTH
def test_a_lone_number_can_be_an_output(exporter: Exporter) -> None:
    x = torch.randn(4, 3)
    made = to_onnx(Scalar(), (x,), input_names=["x"], batch_axes={"x": 0}, exporter=exporter)
    assert check_parity(Scalar(), made.data, (x,)).agree
    assert check_parity(Scalar(), made.data, (torch.randn(9, 3),)).agree


@BOTH
def test_names_and_a_fixed_batch_are_what_was_asked_for(exporter: Exporter) -> None:
    made = to_onnx(
        nn.Linear(3, 2),
        (torch.randn(4, 3),),
        input_names=["picture"],
        batch_axes={},
        output_names=["label"],
        opset=18,
        exporter=exporter,
    )
    (came,), (went,) = made.graph.inputs, made.graph.outputs
    assert (came.name, came.shape, went.name, went.shape) == ("picture", (4, 3), "label", (4, 2))
    assert (made.opset_asked, made.opset, made.exporter) == (18, 18, exporter)
    assert made.files == (("model.onnx", len(made.data)),)


@BOTH
def test_without_an_opset_it_is_pytorchs_own(exporter: Exporter) -> None:
    made = to_onnx(
        nn.Linear(3, 2), (torch.randn(2, 3),), input_names=["x"], batch_axes={"x": 0}, exporter=exporter
    )
    assert (made.opset_asked, made.opset) == (None, 20)


# --- oracles ----------------------------------------------------------------------------------------------


def in_double(made: zoo.ZooModel, inputs: Sequence[Tensor]) -> list[np.ndarray[Any, Any]]:
    """What the model gives in twice the precision."""
    args, kwargs = made.arguments([each.double() for each in inputs])
    with torch.no_grad():
        output = made.module.double()(*args, **kwargs)
    values = output.values() if isinstance(output, Mapping) else [output]
    return [value.numpy() for value in values]


@pytest.fixture(scope="module")
def zoo_files() -> dict[str, bytes]:
    """Every model of the zoo as the legacy exporter writes it."""
    return {name: export(ExportPlan(name, exporter=Exporter.LEGACY)).data for name in zoo.names()}


@pytest.mark.parametrize("name", zoo.names())
def test_the_zoos_files_agree_with_the_reference_evaluator_and_with_float64(
    zoo_files: dict[str, bytes], name: str
) -> None:
    made = zoo.build(name)
    made.module.eval()
    for batch in (1, 3):
        inputs = made.example_inputs(batch, seed=batch)
        expected = in_double(made, inputs)
        for runtime in (Session(zoo_files[name]), Reference(zoo_files[name])):
            assert runtime.inputs == made.input_names
            feeds = {key: value.numpy() for key, value in zip(runtime.inputs, inputs, strict=True)}
            for found, exact in zip(runtime.run(feeds), expected, strict=True):
                assert found.dtype == np.float32
                np.testing.assert_allclose(found, exact, rtol=RELATIVE, atol=ABSOLUTE)


@pytest.mark.parametrize("name", zoo.names())
def test_the_zoos_files_agree_at_every_batch_except_where_python_decided(
    zoo_files: dict[str, bytes], name: str
) -> None:
    made = zoo.build(name)
    cases = sweep(made, zoo_files[name])
    assert {case.batch for case in cases} == set(BATCHES) == {1, 2, 3, 8, 64}
    disagree = {(case.batch, case.kind) for case in cases if not case.parity.agree}
    # Zeros take the early exit; the file went on at its example, and so always will.
    assert disagree == ({(3, "zeros")} if name == "early_exit" else set())


DYNAMO = {"simple_mlp": (15, 1), "keywords": (15, 5), "transformer": (18, 49)}


@pytest.fixture(scope="module")
def dynamo_files() -> dict[str, ExportedModel]:
    """Three models as the new exporter writes them; each takes a second, and the first in a process five."""
    return {name: export(ExportPlan(name)) for name in DYNAMO}


@pytest.mark.parametrize("name", DYNAMO)
def test_the_new_exporters_files_agree_with_both_oracles(
    dynamo_files: dict[str, ExportedModel], name: str
) -> None:
    made, exported = zoo.build(name), dynamo_files[name]
    assert (exported.opset_asked, exported.opset, exported.graph.nodes) == (15, *DYNAMO[name])
    cases = sweep(made, exported.data)
    assert {case.runtime for case in cases} == {"ONNX Runtime", "reference"}
    assert {case.batch for case in cases} == set(BATCHES)
    assert all(case.parity.agree for case in cases)
    inputs = made.example_inputs(4, seed=9)
    feeds = {key: value.numpy() for key, value in zip(made.input_names, inputs, strict=True)}
    for found, exact in zip(Session(exported.data).run(feeds), in_double(made, inputs), strict=True):
        np.testing.assert_allclose(found, exact, rtol=RELATIVE, atol=ABSOLUTE)


def test_the_opset_asked_for_is_not_always_the_one_that_comes(dynamo_files: dict[str, ExportedModel]) -> None:
    failed = "The conversion to opset 15 failed, and the file kept the newer opset. Nothing else says so."
    assert failed in dynamo_files["transformer"].warnings
    assert failed not in dynamo_files["simple_mlp"].warnings
    assert "Several inputs share the open axis `batch`: they must have the same size there." in (
        dynamo_files["keywords"].warnings
    )


# --- where exporters go wrong -----------------------------------------------------------------------------


def agreed(plan: ExportPlan) -> tuple[ExportedModel, set[int]]:
    """The export, and the batches at which it agrees for random numbers."""
    made = plan.build()
    exported = export(plan, made)
    cases = [case for case in sweep(made, exported.data) if case.kind == "normal"]
    return exported, set(BATCHES) - {case.batch for case in cases if not case.parity.agree}


def test_an_example_of_one_keeps_the_batch_though_the_file_says_it_is_open() -> None:
    exported, batches = agreed(ExportPlan("transformer", batch=1))
    assert exported.graph.inputs[0].shape_text == "(batch, 6, 32)"
    assert check(exported.data) == ""
    assert batches == {1}


def test_a_number_that_python_took_out_stays_in_the_file() -> None:
    _, batches = agreed(ExportPlan("python_scale", exporter=Exporter.LEGACY))
    assert batches == set()
    # The new exporter gets it right, as long as its opset is not converted into a file that is not valid.
    _, batches = agreed(ExportPlan("python_scale", opset=18))
    assert batches == set(BATCHES)
    exported, batches = agreed(ExportPlan("python_scale"))
    assert (exported.opset, batches) == (15, set())
    assert "noop_with_empty_axes" in check(exported.data)


def test_a_loop_over_the_batch_runs_as_often_as_for_the_example() -> None:
    exported, batches = agreed(ExportPlan("loop_over_batch", exporter=Exporter.LEGACY, batch=3))
    assert batches == {3}
    assert dict(exported.graph.operators)["MatMul"] == 3


@pytest.mark.parametrize("exporter", Exporter)
@pytest.mark.parametrize(
    ("model", "names", "own"),
    [("simple_mlp", ("a", "b"), "output"), ("dict_output", ("a",), "class, value")],
)
def test_every_output_has_one_name(model: str, names: tuple[str, ...], own: str, exporter: Exporter) -> None:
    with pytest.raises(ExportError) as caught:
        export(ExportPlan(model, exporter=exporter, output_names=names))
    assert str(caught.value) == (
        f"{len(names)} output names came, and the outputs of this model are {own}: give one name each."
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"model": "early_exit"}, "Could not guard on data-dependent expression"),
        (
            {"model": "loop_over_batch"},
            "tracing inferred a static shape of 2 for dimension inputs['x'].shape[0]",
        ),
        ({"model": "singular_values"}, "No ONNX function found for"),
        (
            {"model": "singular_values", "exporter": Exporter.LEGACY},
            "'aten::linalg_svdvals' to ONNX opset version",
        ),
        ({"model": "pooled", "exporter": Exporter.LEGACY}, "output size that are not factor of input size"),
        (
            {"dynamic": ("input:1",)},
            "tracing inferred a static shape of 10 for dimension inputs['input'].shape[1]",
        ),
    ],
)
def test_a_refusal_is_one_line_in_the_exporters_words(asked: dict[str, Any], said: str) -> None:
    plan = ExportPlan(**asked)
    with pytest.raises(ExportError) as caught:
        export(plan)
    line = str(caught.value)
    assert line.startswith(f"The {plan.exporter} exporter refuses this model: ")
    assert said in line
    assert len(line.splitlines()) == 1
    assert len(line) < 400
    assert "Traceback" not in line


@pytest.mark.parametrize("opset", [7, 8])
def test_an_old_opset_lists_its_weights_as_inputs_and_still_agrees(opset: int) -> None:
    exported, batches = agreed(ExportPlan("mlp", exporter=Exporter.LEGACY, opset=opset))
    assert (exported.opset, batches) == (opset, set(BATCHES))
    assert [each.name for each in exported.graph.inputs] == ["x"]


def test_a_forgotten_eval_leaves_dropout_in_the_file() -> None:
    for exporter in Exporter:
        kept = export(ExportPlan("dropout", exporter=exporter, training=True))
        gone = export(ExportPlan("dropout", exporter=exporter))
        assert dict(kept.graph.operators).get("Dropout") == 1
        assert "Dropout" not in dict(gone.graph.operators)


def test_weights_beside_the_file_come_in_one_piece() -> None:
    plan = ExportPlan("transformer", external_data=True)
    made = plan.build()
    exported = export(plan, made)
    names = dict(exported.files)
    assert set(names) == {"model.onnx", "model.onnx.data"}
    assert names["model.onnx.data"] > 4 * 96 * 32  # of one of its weights
    assert exported.graph.external == ()
    assert len(exported.data) > sum(names.values()) - 4_096
    made.module.eval()
    assert check_parity(made.module, exported.data, made.example_inputs(3)).agree


def test_small_weights_leave_an_empty_file_beside_the_model() -> None:
    exported = export(ExportPlan(external_data=True))
    assert dict(exported.files)["model.onnx.data"] == 0


def test_nothing_is_printed_whatever_happens(capfd: pytest.CaptureFixture[str]) -> None:
    for exporter in Exporter:
        export(ExportPlan("cnn", exporter=exporter, training=True))
    for name in ("early_exit", "singular_values", "loop_over_batch"):
        with pytest.raises(ExportError):
            export(ExportPlan(name))
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ExportError):
        export(ExportPlan("pooled", exporter=Exporter.LEGACY))
    printed, errors = capfd.readouterr()
    assert errors == ""
    # PyTorch's C++ writes this one itself; in a child process it goes to the log.
    assert printed.startswith("Torch IR graph at exception: ") or printed == ""


def test_what_is_logged_meanwhile_by_others_goes_where_it_always_goes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Talks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            logging.getLogger("visitor").warning("called")
            return x + 1

    to_onnx(Talks(), (torch.ones(2),), input_names=["x"], batch_axes={}, exporter=Exporter.LEGACY)
    assert {record.name for record in caplog.records} == {"visitor"}


# --- what to_onnx refuses ---------------------------------------------------------------------------------


class Unnamed(nn.Module):
    def forward(self, *inputs: Tensor) -> Tensor:
        return inputs[0]


X = torch.ones(2, 3)


@pytest.mark.parametrize(
    ("model", "inputs", "options", "line"),
    [
        (nn.Linear(3, 1), (X, X), {}, "1 names came for 2 inputs: give one each."),
        (nn.Linear(3, 1), (), {}, "1 names came for 0 inputs: give one each."),
        (nn.Linear(3, 1), (X,), {"batch_axes": {"y": 0}}, "`y` has a batch axis and is no input: x."),
        (
            Unnamed(),
            (X,),
            {},
            "`forward` names 0 arguments and 1 tensors came: write it without *args.",
        ),
        (
            nn.Linear(3, 1),
            (X,),
            {"output_names": ["x"]},
            "`x` names an input and an output: give one of them another name.",
        ),
        (
            nn.Linear(3, 1),
            (X,),
            {"input_names": ["weight"], "batch_axes": {}},
            "`weight` is the name of a weight: give the graph's value another one.",
        ),
        (
            nn.Linear(4, 1),
            (X,),
            {},
            "The model does not run on these inputs: mat1 and mat2 shapes cannot be multiplied (2x3 and 4x1)",
        ),
    ],
)
@BOTH
def test_what_cannot_be_exported_is_one_line(
    exporter: Exporter, model: nn.Module, inputs: tuple[Tensor, ...], options: dict[str, Any], line: str
) -> None:
    settings: dict[str, Any] = {"input_names": ["x"], "batch_axes": {"x": 0}} | options
    with pytest.raises(ExportError) as caught:
        to_onnx(model, inputs, exporter=exporter, **settings)
    assert str(caught.value) == line


def test_an_unknown_exporter_is_refused() -> None:
    with pytest.raises(ValueError, match="'best' is not a valid Exporter"):
        to_onnx(nn.ReLU(), (X,), input_names=["x"], batch_axes={}, exporter="best")
