import dataclasses

import numpy as np
import pytest
import torch

from core import machine
from core.benchmark.plan import MAX_CASES, MAX_ENGINES, BenchmarkPlan, Contender, Method
from core.benchmark.rounds import BenchmarkError
from core.engines.engine import EngineError, EngineKind, EngineOptions
from core.zoo import ZooError

EAGER = (EngineKind.EAGER,)


def test_every_model_batch_and_number_of_threads_is_a_comparison_of_all_engines() -> None:
    plan = BenchmarkPlan(
        models=("mlp", "cnn"), engines=(EngineKind.EAGER, EngineKind.EAGER_GRAD), batches=(1, 3), seed=7
    )
    cases = plan.cases()
    assert [(case.model, case.batch, case.threads) for case in cases] == [
        ("mlp", 1, 1), ("mlp", 3, 1), ("cnn", 1, 1), ("cnn", 3, 1),
    ]  # fmt: skip
    for case in cases:
        assert [each.name for each in case.contenders] == ["eager", "eager-grad"]
        assert {(each.seed, each.threads, each.onnx_data) for each in case.contenders} == {(7, 1, b"")}
        assert case.contenders[0].inputs()[0].shape[0] == case.batch


def test_all_engines_that_need_it_get_one_file() -> None:
    engines = (EngineKind.EAGER, EngineKind.ORT, EngineKind.ORT_INT8_DYNAMIC)
    (case,) = BenchmarkPlan(engines=engines).cases()
    eager, plain, small = (each.onnx_data for each in case.contenders)
    assert eager == b""
    assert plain
    assert plain is small


def test_a_contender_opens_its_engine_on_the_inputs_that_all_have() -> None:
    options = EngineOptions(threads=torch.get_num_threads())
    contenders = [Contender(kind, "mlp", 3, 2, options) for kind in (EngineKind.EAGER, EngineKind.ORT)]
    outputs = []
    for each in contenders:
        with each.open() as engine:
            outputs.append(engine.predict(each.inputs()))
    assert np.abs(np.subtract(outputs[0][0], outputs[1][0], dtype=np.float64)).max() < 1e-5
    assert torch.equal(contenders[0].inputs()[0], contenders[1].inputs()[0])


def test_the_file_is_not_in_what_is_printed() -> None:
    assert "secret" not in repr(Contender(EngineKind.ORT, "mlp", onnx_data=b"secret"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"models": ()}, "The plan is empty"),
        ({"engines": ()}, "The plan is empty"),
        (
            {"batches": tuple(range(1, MAX_CASES + 2))},
            f"has {MAX_CASES + 1} comparisons and at most {MAX_CASES}",
        ),
        ({"engines": (EngineKind.EAGER,) * 2}, f"Got 2 engines, expected at most {MAX_ENGINES}, each once"),
        ({"engines": tuple(EngineKind)[: MAX_ENGINES + 1]}, f"Got {MAX_ENGINES + 1} engines"),
        ({"threads": (0,)}, "Got 0 threads, expected 1 to"),
        ({"threads": (machine.logical_cores() + 1,)}, "as this machine has"),
        ({"models": ("cnn",), "batches": (10**6,)}, "The batch is 1,000,000: its inputs and layers"),
    ],
)
def test_a_plan_that_cannot_be_measured_is_one_line(changes: dict[str, object], said: str) -> None:
    plan = dataclasses.replace(BenchmarkPlan(engines=EAGER), **changes)  # type: ignore[arg-type] # each its own
    with pytest.raises(BenchmarkError) as caught:
        plan.cases()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"models": ("nobody",)}, {"batches": (0,)}])
def test_what_the_zoo_does_not_have_is_one_line(changes: dict[str, object]) -> None:
    plan = dataclasses.replace(BenchmarkPlan(engines=EAGER), **changes)  # type: ignore[arg-type] # each its own
    with pytest.raises(ZooError) as caught:
        plan.cases()
    assert "\n" not in str(caught.value)


def test_a_model_that_cannot_be_exported_runs_on_the_engines_that_need_no_file() -> None:
    engines = (EngineKind.EAGER, EngineKind.ORT)
    plan = BenchmarkPlan(models=("early_exit", "scalar_linear"), engines=engines)
    refused, exported = plan.cases()
    assert not refused.contenders[0].refusal
    assert refused.contenders[0].open().kind is EngineKind.EAGER
    with pytest.raises(EngineError, match="refuses this model") as caught:
        refused.contenders[1].open()
    assert "\n" not in str(caught.value)
    assert exported.contenders[1].onnx_data


def test_the_time_that_a_plan_takes_grows_with_what_is_measured() -> None:
    one = BenchmarkPlan().seconds()
    assert BenchmarkPlan(batches=(1, 2), threads=(1, 2)).seconds() == pytest.approx(4 * one)
    # 40 rounds of two engines and the twin, 50 ms each.
    assert one > 40 * 3 * 0.05
    assert BenchmarkPlan(method=Method(samples=0)).seconds() < one
