"""What PyTorch's engines do to a module and its inputs, as a module sees it."""

import gc
import weakref

import pytest
import torch
from torch import Tensor, nn

from core import zoo
from core.engines import EngineError, EngineKind, EngineOptions, create
from core.engines.pytorch import PyTorchEngine
from tests.core.engines.oracle import custom, options

EAGER = (
    EngineKind.EAGER, EngineKind.EAGER_GRAD, EngineKind.CHANNELS_LAST, EngineKind.BFLOAT16, EngineKind.FLOAT16
)  # fmt: skip


class Witness(nn.Module):
    """Says in numbers how it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        layout = torch.channels_last
        return torch.tensor([
            torch.finfo(x.dtype).bits,
            torch.finfo(self.conv.weight.dtype).bits,
            x.is_contiguous(memory_format=layout),
            self.conv.weight.is_contiguous(memory_format=layout),
            torch.is_inference_mode_enabled(),
            torch.is_grad_enabled(),
            self.training,
        ])  # fmt: skip


class Greedy(nn.Module):
    """Overwrites what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        return x.add_(1)


class Refusing(nn.Module):
    """Raises what no one expects."""

    def forward(self, x: Tensor) -> Tensor:
        raise KeyError("no\nsuch thing")


class SingularValues(nn.Module):
    """An operator that knows no 16 bits on a processor."""

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = torch.linalg.svdvals(x)
        return found


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        (EngineKind.EAGER, [32, 32, 0, 0, 1, 0, 0]),
        (EngineKind.EAGER_GRAD, [32, 32, 0, 0, 0, 1, 0]),
        (EngineKind.CHANNELS_LAST, [32, 32, 1, 1, 1, 0, 0]),
        (EngineKind.BFLOAT16, [16, 16, 0, 0, 1, 0, 0]),
        (EngineKind.FLOAT16, [16, 16, 0, 0, 1, 0, 0]),
    ],
)
def test_the_module_is_called_as_the_engine_says(kind: EngineKind, seen: list[int]) -> None:
    made = custom(Witness(), (3, 5, 5))
    with create(kind, made, options()) as engine, torch.no_grad():
        (found,) = engine.predict(made.example_inputs(2))
    assert found.tolist() == seen


def test_gradients_are_recorded_where_that_is_the_engine_and_nowhere_else() -> None:
    made = zoo.build("simple_mlp")
    inputs = made.example_inputs(2)
    with create("eager", made, options()) as engine:
        assert engine.prepare(inputs)().is_inference()
    with create("eager-grad", made, options()) as engine, torch.no_grad():
        output = engine.prepare(inputs)()
    output.sum().backward()
    assert output.grad_fn is not None
    assert all(each.grad is None for each in made.module.parameters())


def test_calls_leave_the_mode_as_it_was() -> None:
    made = zoo.build("simple_mlp")
    inputs = made.example_inputs(2)
    with create("eager", made, options()) as engine:
        call = engine.prepare(inputs)
        first = call()
        assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()
        assert torch.equal(call(), first)


@pytest.mark.parametrize("kind", EAGER)
def test_the_module_is_called_not_its_forward(kind: EngineKind) -> None:
    made = zoo.build("cnn")
    fired = []
    made.module.register_forward_hook(lambda *_: fired.append(1))
    with create(kind, made, options()) as engine:
        call = engine.prepare(made.example_inputs(2))
        assert fired == []
        call()
        call()
    assert fired == [1, 1]


@pytest.mark.parametrize("kind", ["eager", "eager-bfloat16"])
def test_a_module_that_overwrites_its_input_gets_a_copy(kind: str) -> None:
    made = custom(Greedy(), (3,))
    x = torch.zeros(2, 3)
    with create(kind, made, options()) as engine:
        assert engine.predict([x])[0].tolist() == [[1] * 3] * 2
        engine.prepare([x])()
    assert x.tolist() == [[0] * 3] * 2


def test_whatever_a_module_raises_is_told_in_one_line() -> None:
    made = custom(Refusing(), (3,))
    with create("eager", made, options()) as engine:
        call = engine.prepare([torch.zeros(2, 3)])
        with pytest.raises(EngineError, match=r"^The engine eager cannot run custom: 'no\\nsuch thing'$"):
            call()


@pytest.mark.parametrize("kind", ["eager-bfloat16", "eager-float16"])
def test_an_operator_without_16_bits_is_told_in_one_line(kind: str) -> None:
    made = custom(SingularValues(), (3, 3))
    inputs = made.example_inputs(2)
    with create(kind, made, options()) as engine:
        with pytest.raises(
            EngineError, match=rf"^The engine {kind} cannot run custom: .*(Half|BFloat16)"
        ) as caught:
            engine.predict(inputs)
        assert "\n" not in str(caught.value)
    with create("eager", made, options()) as engine:
        assert engine.predict(inputs)[0].shape == (2, 3)


def test_a_module_that_cannot_be_copied_is_told_in_one_line() -> None:
    module = nn.Linear(2, 2)
    module.extra = module.weight * 2  # it hangs on a graph
    with pytest.raises(
        EngineError, match=r"^The engine eager cannot run custom: Only Tensors created explicitly"
    ):
        create("eager", custom(module, (2,)), options()).load()


def test_other_threads_than_the_process_has_are_refused_with_the_way_out() -> None:
    here = torch.get_num_threads()
    engine = create("eager", zoo.build("simple_mlp"), EngineOptions(threads=here + 1))
    with pytest.raises(EngineError) as caught:
        engine.load()
    assert str(caught.value) == (
        f"PyTorch computes with {here} threads in this process and {here + 1} were asked for: "
        f"start it with OMP_NUM_THREADS={here + 1}."
    )
    assert torch.get_num_threads() == here


@pytest.mark.parametrize("kind", EAGER)
def test_closing_lets_go_of_the_copy(kind: EngineKind) -> None:
    made = zoo.build("cnn")
    engine = PyTorchEngine(kind, made, options())
    engine.load()
    engine.predict(made.example_inputs(2))
    assert isinstance(engine._run, nn.Module)
    weight = weakref.ref(engine._run.get_parameter("head.weight"))
    assert weight() is not None
    engine.close()
    gc.collect()
    assert weight() is None


def test_facts_say_what_was_done() -> None:
    made = zoo.build("cnn")
    facts = {kind: create(kind, made, options()).metadata() for kind in EAGER}
    assert facts[EngineKind.CHANNELS_LAST]["layout"] == "channels last"
    assert facts[EngineKind.EAGER]["layout"] == "as given"
    assert [kind for kind in EAGER if facts[kind]["gradients"]] == [EngineKind.EAGER_GRAD]
    assert facts[EngineKind.BFLOAT16]["dtype"] == "bfloat16"
    assert facts[EngineKind.FLOAT16]["dtype"] == "float16"
    assert facts[EngineKind.EAGER]["version"] == torch.__version__
