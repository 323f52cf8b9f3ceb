"""The hooks benchmark with small counts: that it runs and says what it should, not how fast it is."""

import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from bench import hooks
from bench.__main__ import render
from bench.hooks import Call, Example
from core.hooks.spec import Action, HookKind
from core.process import ROOT

MODELS = ["MLP", "MLP-8", "10 convolutions", "transformer block"]


@pytest.fixture(scope="module")
def examples() -> dict[str, Example]:
    return {example.name: example for example in hooks.examples()}


def test_the_models_are_in_eval_mode(examples: dict[str, Example]) -> None:
    assert list(examples) == MODELS
    assert not any(module.training for one in examples.values() for module in one.model.modules())


@pytest.mark.parametrize("name", MODELS)
def test_every_module_that_is_called_has_a_hook_that_fires(name: str, examples: dict[str, Example]) -> None:
    example = examples[name]
    specs = example.specs()
    assert len(specs) == len(list(example.model.modules()))
    # The projection in MultiheadAttention is used, but never called.
    silent = sum(spec.layer.endswith("out_proj") for spec in specs)
    with torch.no_grad():
        fired = hooks.firings(example, lambda: example.model(example.x), specs)
    assert fired == len(specs) - silent


def test_ways_warm_up_with_the_hooks_that_are_timed_and_leave_none(examples: dict[str, Example]) -> None:
    example = examples["MLP"]
    model, modules = example.model, len(example.layers)
    expected = model(example.x)
    hooked: list[int] = []

    def call() -> Tensor:
        output: Tensor = model(example.x)
        assert torch.equal(output, expected)
        hooked.append(sum(len(module._forward_hooks) for module in model.modules()))
        return output

    gradients = example.specs(kind=HookKind.OUTPUT_TENSOR)
    for way, on in (
        (hooks.bare(call), 0),
        (hooks._fused(call), 0),
        (hooks.unrecorded(model, call), modules),
        (hooks._unrecorded_gradients(model, call), modules),
        (hooks.recorded(model, example.specs(Action.CAPTURE), call), modules),
        (hooks.recorded(model, gradients, call, read=True), modules),
    ):
        hooked.clear()
        with way as ready:
            ready()
        assert hooked == [on, on]
        assert not any(module._forward_hooks for module in model.modules())


def test_what_makes_a_way_ready_is_outside_of_the_time() -> None:
    made: list[str] = []

    @contextmanager
    def way() -> Iterator[Call]:
        made.append("ready")
        yield lambda: made.append("call")
        made.append("down")

    seconds = hooks.timed({"one": way}, rounds=2, calls=3)
    assert made == ["ready", "call", "call", "call", "down"] * 2
    assert len(seconds["one"]) == 2


def test_the_fast_path_is_put_back() -> None:
    was = torch.backends.mha.get_fastpath_enabled()
    with hooks.fastpath(enabled=not was):
        assert torch.backends.mha.get_fastpath_enabled() is not was
    assert torch.backends.mha.get_fastpath_enabled() is was


def test_tensor_bytes_see_a_tensor_come_and_go() -> None:
    before = hooks._tensor_bytes()
    kept = nn.Linear(1_000, 1_000, bias=False)
    assert hooks._tensor_bytes() - before == 4_000_000
    del kept
    assert hooks._tensor_bytes() == before


def test_the_benchmark_runs() -> None:
    tables = hooks.measure(rounds=1, torchlens_rounds=1, sizes=(2, 5, 20), size_rounds=1, repeats=2)
    forward, backward, rival, sizes, memory, one_thread = tables
    for table in (forward, backward, rival, one_thread):
        assert list(dict.fromkeys(row[0] for row in table.rows)) == MODELS
    assert {row[1] for row in forward.rows} >= {"bare", hooks.OBSERVE, hooks.READ, hooks.CAPTURE, hooks.WHOLE}
    assert {row[1] for row in one_thread.rows} == {"bare", hooks.OBSERVE, hooks.READ}
    assert {row[1] for row in backward.rows} >= {"output_tensor, observe", "output_tensor, capture"}
    assert {row[1] for row in rival.rows} == {"bare", "ours", "ours, values only", "TorchLens"}
    assert [row[0] for row in sizes.rows] == [2, 5, 20]
    outputs, gradients = memory.rows
    # Eleven outputs of 8 x 16 x 32 x 32 float32 numbers.
    assert outputs[1] == gradients[1] == 5.5
    assert (outputs[3], gradients[3]) == (0, 0)
    assert all(table.targets for table in tables)
    assert all(render(table) for table in tables)


FAULTS = """
import resource
import torch
from bench.hooks import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [torch.empty(2**18).fill_(1.0) for _ in range(8)]
    del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
print(*(faults() for _ in range(10)))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it asks glibc")
def test_memory_that_was_freed_is_not_new_again() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert sum(map(int, done.stdout.split()[-3:])) < 100
