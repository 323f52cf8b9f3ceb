"""Whatever is done to a model in between, it is put back as it came: bit for bit, tensor by tensor."""

# PyTorch has no types for `backward` and for how hooks are registered.
# mypy: disable-error-code="no-untyped-call"

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core import zoo
from core.hooks.preserve import Preserved, same_bits
from core.zoo import ZooModel

MODULE_HOOKS = (
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_pre_hooks",
    "_backward_hooks",
    "_state_dict_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


@dataclass(frozen=True, eq=False)
class Same:
    """Equal only to the very same object, which it keeps alive."""

    what: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.what is self.what

    def __hash__(self) -> int:
        return id(self.what)


def bits(tensor: Tensor) -> bytes:
    """The numbers of a dense tensor as NumPy gives them, in order."""
    tensor = tensor.detach().contiguous()
    return tensor.view(torch.uint8).numpy().tobytes() if tensor.dim() else bits(tensor.reshape(1))


def of_tensor(tensor: Tensor | None) -> tuple[object, ...] | None:
    if tensor is None:
        return None
    gradient = tensor.grad if tensor.is_leaf else None
    hooks = (tensor._backward_hooks, getattr(tensor, "_post_accumulate_grad_hooks", None))
    return (
        Same(tensor),
        tensor.dtype,
        tuple(tensor.shape),
        tensor.stride(),
        tensor.data_ptr(),
        tensor.requires_grad,
        tensor.is_leaf,
        bits(tensor),
        None if gradient is None else (Same(gradient), gradient.dtype, gradient.stride(), bits(gradient)),
        tuple(None if kept is None else tuple(kept.items()) for kept in hooks),
    )


def picture(model: nn.Module) -> dict[tuple[str, str], object]:
    """All that is to be as before, read by plain PyTorch."""
    facts: dict[tuple[str, str], object] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        facts[name, "training"] = module.training
        facts[name, "full"] = module._is_full_backward_hook
        for place in MODULE_HOOKS:
            facts[name, place] = tuple(getattr(module, place).items())
        for key, tensor in (*module._parameters.items(), *module._buffers.items()):
            facts[name, f"tensor {key}"] = of_tensor(tensor)
    return facts


def loss_of(made: ZooModel) -> Tensor:
    args, kwargs = made.arguments(made.example_inputs(4, "normal"))
    output = made.module(*args, **kwargs)
    tensors = output.values() if isinstance(output, dict) else [output]
    return torch.stack([tensor.pow(2).mean() for tensor in tensors]).sum()


def slots(model: nn.Module) -> list[tuple[nn.Module, str, Tensor]]:
    return [
        (module, name, tensor)
        for module in model.modules()
        for name, tensor in (*module._parameters.items(), *module._buffers.items())
        if tensor is not None
    ]


def train(made: ZooModel) -> None:
    optimizer = torch.optim.Adam(made.module.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        loss_of(made).backward()
        optimizer.step()


def go_back(made: ZooModel) -> None:
    loss_of(made).backward()


def replace_parameters(made: ZooModel) -> None:
    for module, name, tensor in slots(made.module):
        if isinstance(tensor, nn.Parameter):
            setattr(module, name, nn.Parameter(torch.zeros_like(tensor)))


def replace_buffers(made: ZooModel) -> None:
    for module, name, tensor in slots(made.module):
        if not isinstance(tensor, nn.Parameter):
            setattr(module, name, torch.zeros(3))


def replace_data(made: ZooModel) -> None:
    for _, _, tensor in slots(made.module):
        tensor.grad = None
        tensor.data = torch.zeros(1, 1, dtype=tensor.dtype)


def transpose_data(made: ZooModel) -> None:
    for tensor in made.module.parameters():
        if tensor.dim() == 2:
            tensor.grad = None
            tensor.data = tensor.data.t()


def take_away(made: ZooModel) -> None:
    for module, name, _ in slots(made.module):
        setattr(module, name, None)


def write_nan(made: ZooModel) -> None:
    with torch.no_grad():
        for _, _, tensor in slots(made.module):
            tensor.fill_(torch.nan if tensor.is_floating_point() else 7)


def write_negative_zero(made: ZooModel) -> None:
    with torch.no_grad():
        for _, _, tensor in slots(made.module):
            tensor.mul_(-0.0 if tensor.is_floating_point() else 2).add_(1 - int(tensor.is_floating_point()))


def flip_training(made: ZooModel) -> None:
    for place, module in enumerate(made.module.modules()):
        module.training = bool(place % 2)


def freeze(made: ZooModel) -> None:
    made.module.requires_grad_(False)


def zero_gradients(made: ZooModel) -> None:
    made.module.zero_grad(set_to_none=False)


def drop_gradients(made: ZooModel) -> None:
    made.module.zero_grad()


def new_gradients(made: ZooModel) -> None:
    for parameter in made.module.parameters():
        parameter.grad = torch.full_like(parameter, -1.0)


def halve(made: ZooModel) -> None:
    made.module.half()


def widen(made: ZooModel) -> None:
    made.module.double()


def load_another(made: ZooModel) -> None:
    made.module.load_state_dict(zoo.build(made.name, 1).module.state_dict(), assign=True)


def put_buffers_in_a_graph(made: ZooModel) -> None:
    for tensor in made.module.buffers():
        if tensor.is_floating_point():
            tensor.mul_(torch.tensor(2.0, requires_grad=True).to(tensor.dtype))


Deed = Callable[[ZooModel], None]
RUNS: tuple[Deed, ...] = (train, go_back)
WRITES: tuple[Deed, ...] = (
    replace_parameters,
    replace_buffers,
    replace_data,
    transpose_data,
    take_away,
    write_nan,
    write_negative_zero,
    flip_training,
    freeze,
    zero_gradients,
    drop_gradients,
    new_gradients,
    halve,
    widen,
    load_another,
    put_buffers_in_a_graph,
)


def made_of(model: str, *, with_gradients: bool) -> ZooModel:
    made = zoo.build(model)
    if with_gradients:
        go_back(made)
    return made


@pytest.mark.parametrize("deed", RUNS + WRITES, ids=lambda deed: deed.__name__)
@pytest.mark.parametrize("with_gradients", [False, True])
@pytest.mark.parametrize("model", ["cnn", "reused"])
def test_every_deed_is_undone(deed: Deed, with_gradients: bool, model: str) -> None:
    made = made_of(model, with_gradients=with_gradients)
    before, preserved = picture(made.module), Preserved(made.module)
    deed(made)
    needs_gradients = deed in {zero_gradients, drop_gradients}
    needs_buffers = deed in {replace_buffers, put_buffers_in_a_graph}
    if (with_gradients or not needs_gradients) and (model == "cnn" or not needs_buffers):
        assert picture(made.module) != before
    preserved.restore()
    assert picture(made.module) == before


@given(
    model=st.sampled_from(zoo.names()),
    with_gradients=st.booleans(),
    first=st.lists(st.sampled_from(RUNS), max_size=1),
    deeds=st.lists(st.sampled_from(WRITES), max_size=5),
    training=st.booleans(),
)
@settings(max_examples=60)
def test_any_deeds_in_any_order_are_undone(
    model: str, with_gradients: bool, first: Sequence[Deed], deeds: Sequence[Deed], training: bool
) -> None:
    made = made_of(model, with_gradients=with_gradients)
    made.module.train(training)
    before, preserved = picture(made.module), Preserved(made.module)
    for deed in (*first, *deeds):
        with suppress(RuntimeError):  # after another one it may fail half way
            deed(made)
    preserved.restore()
    assert picture(made.module) == before
    preserved.restore()
    assert picture(made.module) == before


def test_what_is_unchanged_is_not_written_to() -> None:
    made = made_of("cnn", with_gradients=True)
    made.module.eval()
    held = list(made.module.parameters()) + list(made.module.buffers())
    gradients = [parameter.grad for parameter in made.module.parameters() if parameter.grad is not None]
    versions = [tensor._version for tensor in (*held, *gradients)]
    addresses = [tensor.data_ptr() for tensor in (*held, *gradients)]
    preserved = Preserved(made.module)
    loss_of(made)
    preserved.restore()
    assert [tensor._version for tensor in (*held, *gradients)] == versions
    assert [tensor.data_ptr() for tensor in (*held, *gradients)] == addresses


@pytest.mark.parametrize("model", ["mlp", "cnn", "lstm", "transformer", "reused"])
def test_a_graph_from_before_goes_back_to_the_same_gradients_afterwards(model: str) -> None:
    alone = zoo.build(model)
    torch.manual_seed(0)
    go_back(alone)
    made = zoo.build(model)
    preserved = Preserved(made.module)
    torch.manual_seed(0)
    loss = loss_of(made)
    for parameter in made.module.parameters():
        parameter.data.fill_(torch.nan)
        parameter.data.mul_(2)
    preserved.restore()
    loss.backward()
    for expected, found in zip(alone.module.parameters(), made.module.parameters(), strict=True):
        assert expected.grad is not None
        assert found.grad is not None
        assert bits(expected.grad) == bits(found.grad)


def test_shared_parameters_stay_shared() -> None:
    made = zoo.build("reused")
    preserved = Preserved(made.module)
    replace_parameters(made)
    assert made.module.get_parameter("step.weight") is not made.module.get_parameter("twin.weight")
    preserved.restore()
    assert made.module.get_parameter("step.weight") is made.module.get_parameter("twin.weight")


def test_a_sparse_gradient_comes_back() -> None:
    embedding = nn.Embedding(5, 2, sparse=True)
    embedding(torch.tensor([1, 3])).sum().backward()
    gradient = embedding.weight.grad
    assert gradient is not None
    before = gradient.to_dense()
    preserved = Preserved(embedding)
    embedding(torch.tensor([0, 3])).sum().backward()
    assert embedding.weight.grad is not None
    assert not torch.equal(embedding.weight.grad.to_dense(), before)
    preserved.restore()
    assert embedding.weight.grad is gradient
    assert torch.equal(gradient.to_dense(), before)


def test_random_numbers_go_on_as_they_would_have_only_if_asked() -> None:
    model = nn.Dropout()
    state = torch.random.get_rng_state()
    preserved = Preserved(model, rng=True)
    model(torch.ones(100))
    assert not torch.equal(torch.random.get_rng_state(), state)
    preserved.restore()
    assert torch.equal(torch.random.get_rng_state(), state)
    preserved = Preserved(model)
    model(torch.ones(100))
    drawn = torch.random.get_rng_state()
    preserved.restore()
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert not torch.equal(drawn, state)


def test_what_a_lazy_layer_makes_in_its_first_run_stays() -> None:
    model = nn.Sequential(nn.LazyLinear(3), nn.BatchNorm1d(3))
    before = bits(model.get_buffer("1.running_mean"))
    preserved = Preserved(model)
    model(torch.randn(4, 2))
    preserved.restore()
    assert tuple(model.get_parameter("0.weight").shape) == (3, 2)
    assert bits(model.get_buffer("1.running_mean")) == before


def test_a_hook_that_was_taken_away_inside_leaves_no_trace() -> None:
    model = nn.Linear(2, 2)
    before = picture(model)
    handle = model.register_full_backward_hook(lambda *_: None)
    preserved = Preserved(model)
    handle.remove()
    preserved.restore()
    assert picture(model) == before


@pytest.mark.parametrize("place", ["before", "inside"])
def test_hooks_of_others_stay_whoever_put_them_there_and_when(place: str) -> None:
    model = nn.Linear(2, 2)
    if place == "before":
        model.register_full_backward_pre_hook(lambda *_: None)
    preserved = Preserved(model)
    if place == "inside":
        model.register_full_backward_pre_hook(lambda *_: None)
    model.register_full_backward_hook(lambda *_: None).remove()
    preserved.restore()
    assert len(model._backward_pre_hooks) == 1
    assert model._is_full_backward_hook is None


def test_a_backward_hook_that_was_added_inside_still_works_afterwards() -> None:
    model = nn.Linear(2, 2)
    fired: list[int] = []
    preserved = Preserved(model)
    model.register_full_backward_hook(lambda *_: fired.append(1))
    preserved.restore()
    model(torch.ones(1, 2, requires_grad=True)).sum().backward()
    assert fired == [1]


DTYPES = (
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.complex64,
    torch.complex128,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
)
SPECIAL = (0.0, -0.0, 1.0, torch.nan, torch.inf, -torch.inf, 3.0)


def reading(values: Sequence[float], dtype: torch.dtype) -> Tensor:
    if not dtype.is_floating_point and not dtype.is_complex:
        values = [value if abs(value) < 9 else 2.0 for value in values]
    return torch.tensor(values, dtype=torch.float64).to(dtype)


@given(
    one=st.lists(st.sampled_from(SPECIAL), max_size=3),
    other=st.lists(st.sampled_from(SPECIAL), max_size=3),
    dtype=st.sampled_from(DTYPES),
    same_dtype=st.booleans(),
)
@settings(max_examples=300)
def test_same_bits_is_equality_of_dtype_shape_and_bytes(
    one: list[float], other: list[float], dtype: torch.dtype, same_dtype: bool
) -> None:
    first = reading(one, dtype)
    second = reading(other, dtype if same_dtype else torch.float32)
    expected = (
        first.dtype == second.dtype
        and first.shape == second.shape
        and first.numpy(force=True).tobytes() == second.numpy(force=True).tobytes()
        if torch.bfloat16 not in {first.dtype, second.dtype}
        else first.dtype == second.dtype
        and first.shape == second.shape
        and first.float().numpy().tobytes() == second.float().numpy().tobytes()
    )
    assert same_bits(first, second) is expected
    assert same_bits(first, first.clone())


def test_same_bits_sees_through_strides_and_conjugates() -> None:
    numbers = torch.arange(6.0).reshape(2, 3)
    assert same_bits(numbers, numbers.t().contiguous().t())
    assert same_bits(numbers[:, ::2], numbers[:, ::2].contiguous())
    assert not same_bits(numbers, numbers.reshape(3, 2))
    assert same_bits(torch.tensor([1 - 2j]), torch.tensor([1 + 2j]).conj())
    assert same_bits(torch.tensor(0.5), torch.tensor(0.5))
    assert not same_bits(torch.tensor(0.0), torch.tensor(-0.0))
