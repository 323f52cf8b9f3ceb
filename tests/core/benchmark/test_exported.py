"""The file that all of ONNX Runtime's engines load is the model, and is made once."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from core import zoo
from core.benchmark import exported
from core.benchmark.exported import Exported, export_if_possible, export_timed
from core.engines.engine import EngineError
from core.zoo import ZooError


def test_the_file_computes_what_the_model_does_at_any_batch() -> None:
    data = export_timed("mlp", 7).data
    made = zoo.build("mlp", 7)
    evaluator = ReferenceEvaluator(onnx.load_from_string(data))
    for batch in (1, 5):
        inputs = made.example_inputs(batch)
        feeds = {name: each.numpy() for name, each in zip(made.input_names, inputs, strict=True)}
        with torch.no_grad():
            expected = made.module.eval()(*inputs).numpy()
        found = evaluator.run(None, feeds)
        assert isinstance(found, list)
        np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)


def test_one_process_exports_a_model_once_for_each_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, float]] = []

    def export(model: zoo.ZooModel) -> bytes:
        time.sleep(0.02)
        made.append((model.name, float(next(model.module.parameters()).detach().sum())))
        return f"file {len(made)}".encode()

    monkeypatch.setattr(exported, "export_onnx", export)
    # No other test exports with these seeds.
    first, other = export_timed("mlp", 911), export_timed("mlp", 912)
    assert export_timed("mlp", 911) is first
    assert export_if_possible("mlp", 912) is other
    assert (first.data, other.data) == (b"file 1", b"file 2")
    assert first.seconds >= 0.02
    assert made[0][0] == made[1][0] == "mlp"
    assert made[0][1] != made[1][1]
    export_timed.cache_clear()


def test_a_model_that_the_exporter_refuses_has_the_reason_and_no_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = "The dynamo exporter refuses this model: no luck."

    def refuse(_: zoo.ZooModel) -> bytes:
        raise EngineError(said)

    monkeypatch.setattr(exported, "export_onnx", refuse)
    with pytest.raises(EngineError, match="refuses this model"):
        export_timed("mlp", 913)
    assert export_if_possible("mlp", 913) == Exported(refusal=said)
    # A refusal is not kept.
    monkeypatch.setattr(exported, "export_onnx", lambda _: b"the file")
    assert (export_if_possible("mlp", 913).data, export_if_possible("mlp", 913).refusal) == (b"the file", "")
    export_timed.cache_clear()


@pytest.mark.parametrize("export", [export_timed, export_if_possible])
def test_a_model_that_there_is_not_is_no_refusal(export: Callable[[str, int], Exported]) -> None:
    with pytest.raises(ZooError, match="There is no model"):
        export("nobody", 0)


def test_a_file_is_not_printed() -> None:
    assert "secret" not in repr(Exported(b"secret"))
