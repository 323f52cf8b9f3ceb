"""What the zoo says about its models is what the models do."""

import inspect
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from core import zoo
from core.zoo import Input, InputKind, ZooError, ZooModel

NAMES = zoo.names()
each_model = pytest.mark.parametrize("name", NAMES)
each_kind = pytest.mark.parametrize("kind", list(InputKind))


def outputs(model: ZooModel, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """The output as a list, whatever it is."""
    result = model.module(*inputs)
    return list(result.values()) if isinstance(result, dict) else [result]


def calls(module: nn.Module, inputs: tuple[Tensor, ...]) -> list[str]:
    """The names of the submodules in the order in which they were called."""
    called: list[str] = []

    def note(name: str) -> Callable[..., None]:
        return lambda *_: called.append(name)

    handles = [m.register_forward_hook(note(name)) for name, m in module.named_modules() if name]
    module(*inputs)
    for handle in handles:
        handle.remove()
    return called


def state(name: str, seed: int) -> list[Tensor]:
    return list(zoo.build(name, seed).module.state_dict().values())


def layer(model: ZooModel, name: str) -> nn.Linear:
    found = model.module.get_submodule(name)
    assert isinstance(found, nn.Linear)
    return found


def test_the_names_are_those_that_links_use() -> None:
    assert NAMES == [
        "scalar_linear", "simple_mlp", "mlp", "cnn", "residual", "lstm", "transformer", "reused",
        "inplace_relu", "dict_output", "keywords", "dropout", "containers", "early_exit", "deep_tanh",
        "deep_relu",
    ]  # fmt: skip


def test_titles_are_listed_without_building(monkeypatch: pytest.MonkeyPatch) -> None:
    built = {name: zoo.build(name) for name in NAMES}
    monkeypatch.setattr(nn.Module, "__init__", lambda *_: pytest.fail("built a module"))
    assert zoo.titles() == {name: model.title for name, model in built.items()}
    assert len(set(zoo.titles().values())) == len(NAMES)


@each_model
def test_a_model_describes_itself_in_a_sentence(name: str) -> None:
    model = zoo.build(name)
    assert model.name == name
    assert model.about.endswith(".")
    assert "\n" not in model.about
    assert len(model.about) <= 110


@each_kind
@each_model
def test_a_model_runs_at_any_batch_in_both_modes(name: str, kind: InputKind) -> None:
    model = zoo.build(name)
    for batch in (1, 2, 3):
        for training in (True, False):
            model.module.train(training)
            inputs = model.example_inputs(batch, kind)
            assert all(len(y) == batch for y in outputs(model, inputs))
            positional, keywords = model.arguments(inputs)
            model.module(*positional, **keywords)


@each_model
def test_inputs_are_float32_with_the_batch_on_its_axis(name: str) -> None:
    model = zoo.build(name)
    for tensor, each in zip(model.example_inputs(7), model.inputs, strict=True):
        axis = model.batch_axes[each.name]
        assert tensor.dtype == torch.float32
        assert tensor.shape[axis] == 7
        assert tuple(tensor.shape[:axis]) + tuple(tensor.shape[axis + 1 :]) == each.shape


@each_model
def test_inputs_have_the_names_of_the_forward_arguments(name: str) -> None:
    model = zoo.build(name)
    assert tuple(inspect.signature(model.module.forward).parameters) == model.input_names


@each_model
def test_a_model_is_small_and_starts_in_training_mode(name: str) -> None:
    module = zoo.build(name).module
    assert sum(p.numel() * p.element_size() for p in module.parameters()) < 100_000
    assert all(m.training for m in module.modules())
    assert {p.dtype for p in module.parameters()} == {torch.float32}


@each_model
def test_the_seed_decides_every_bit(name: str) -> None:
    assert all(map(torch.equal, state(name, 3), state(name, 3)))
    changes = not all(map(torch.equal, state(name, 3), state(name, 4)))
    assert changes == (name != "scalar_linear")


@each_model
def test_two_builds_share_no_memory(name: str) -> None:
    first, second = (
        {tensor.data_ptr() for tensor in (*m.parameters(), *m.buffers())}
        for m in (zoo.build(name).module, zoo.build(name).module)
    )
    assert first.isdisjoint(second)


@each_model
def test_the_global_random_numbers_go_on_as_if_nothing_happened(name: str) -> None:
    before = torch.random.get_rng_state()
    zoo.build(name, seed=5).example_inputs(2, "normal", seed=6)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "early_exit"])  # which decides by the whole batch
def test_examples_of_a_batch_do_not_mix_in_evaluation(name: str) -> None:
    model = zoo.build(name)
    model.module.eval()
    inputs = model.example_inputs(3)
    whole = outputs(model, inputs)
    alone = outputs(model, tuple(tensor[:1] for tensor in inputs))
    for full, single in zip(whole, alone, strict=True):
        torch.testing.assert_close(full[:1], single)


# Inputs.


def test_each_kind_of_input_holds_the_numbers_it_names() -> None:
    model = ZooModel("m", "M", "About.", nn.Identity(), (Input("x", (2, 3)), Input("y", (2,))))
    for kind, value in (("zeros", 0.0), ("ones", 1.0)):
        x, y = model.example_inputs(3, kind)
        assert torch.equal(x, torch.full((3, 2, 3), value))
        assert torch.equal(y, torch.full((3, 2), value))
    x, y = model.example_inputs(2, "ramp")
    torch.testing.assert_close(x, torch.tensor([[[-1.0, -0.6, -0.2], [0.2, 0.6, 1.0]]] * 2))
    assert y.tolist() == [[-1.0, 1.0], [-1.0, 1.0]]


def test_the_nan_is_one_and_comes_first() -> None:
    model = zoo.build("keywords")
    normal = model.example_inputs(3, "normal", seed=1)
    planted = model.example_inputs(3, "nan", seed=1)
    normal[0][0, 0] = torch.nan
    for expected, tensor in zip(normal, planted, strict=True):
        torch.testing.assert_close(tensor, expected, rtol=0, atol=0, equal_nan=True)
    assert sum(int(t.isnan().sum()) for t in planted) == 1


def test_random_inputs_follow_the_seed_and_differ_between_inputs() -> None:
    model = zoo.build("keywords")
    x, scale, shift = model.example_inputs(2, "normal", seed=1)
    assert torch.equal(x, model.example_inputs(2, "normal", seed=1)[0])
    assert not torch.equal(x, model.example_inputs(2, "normal", seed=2)[0])
    assert not torch.equal(scale, shift)


def test_the_batch_can_be_on_another_axis() -> None:
    model = ZooModel("m", "M", "About.", nn.Identity(), (Input("x", (2, 3), batch_axis=1),))
    (x,) = model.example_inputs(4, "nan")
    assert x.shape == (2, 4, 3)
    assert x.is_contiguous()
    assert x.isnan().nonzero().tolist() == [[0, 0, 0]]
    assert model.batch_axes == {"x": 1}


@pytest.mark.parametrize(
    ("batch", "shown"),
    [
        (0, "0"), (-1, "-1"), (257, "257"), (True, "True"), (10**5000, "10**20 or beyond"),
        (-(10**5000), "-10**20 or beyond"), (2.0, "2.0"), ("x" * 99, f"'{'x' * 38}…"),
    ],
    ids=["zero", "negative", "many", "bool", "huge", "-huge", "float", "text"],
)  # fmt: skip
def test_a_batch_that_is_none_is_refused_in_a_line(batch: int, shown: str) -> None:
    with pytest.raises(ZooError) as caught:
        zoo.build("mlp").example_inputs(batch)
    assert str(caught.value) == f"The batch is {shown}: choose a whole number from 1 to 256."


def test_the_largest_batch_is_accepted() -> None:
    assert zoo.build("cnn").example_inputs(256)[0].shape == (256, 3, 16, 16)


def test_unknown_names_kinds_and_seeds_are_refused_with_what_there_is() -> None:
    with pytest.raises(ZooError) as caught:
        zoo.build("resnet")
    assert str(caught.value) == f"There is no model 'resnet': choose one of {', '.join(NAMES)}."
    with pytest.raises(ZooError) as caught:
        zoo.build("mlp").example_inputs(2, "random")
    assert str(caught.value) == (
        "There is no kind of input 'random': choose one of example, normal, zeros, ones, ramp, nan."
    )
    for seed in (-1, 2**63, True):
        with pytest.raises(ZooError, match=r"choose a whole number from 0 to 2\*\*63 - 1\.$"):
            zoo.build("mlp", seed)
        with pytest.raises(ZooError, match=r"^The seed is"):
            zoo.build("mlp").example_inputs(seed=seed)
    zoo.build("mlp", 2**63 - 1).example_inputs(seed=2**63 - 1)


def test_a_missing_input_is_refused() -> None:
    model = zoo.build("keywords")
    with pytest.raises(ZooError) as caught:
        model.arguments(model.example_inputs()[:2])
    assert str(caught.value) == "keywords got 2 inputs and takes 3 (x, scale, shift): give one tensor each."


# What each model is there to show.


def test_scalar_linear_is_the_worked_example() -> None:
    model = zoo.build("scalar_linear", seed=9)
    (x,) = model.example_inputs(3)
    assert type(model.module) is nn.Linear
    assert x.tolist() == [[2.0]] * 3
    torch.testing.assert_close(model.module(x), torch.full((3, 1), 1.1))


def test_simple_mlp_has_one_layer_called_linear() -> None:
    model = zoo.build("simple_mlp")
    assert model.input_names == ("input",)
    assert [name for name, _ in model.module.named_parameters()] == ["linear.weight", "linear.bias"]
    assert (layer(model, "linear").in_features, layer(model, "linear").out_features) == (10, 2)


def test_mlp_calls_every_module_once_in_order() -> None:
    model = zoo.build("mlp")
    assert calls(model.module, model.example_inputs()) == ["fc1", "relu", "fc2", "relu2", "fc3"]
    sizes = [(layer(model, n).in_features, layer(model, n).out_features) for n in ("fc1", "fc2", "fc3")]
    assert sizes == [(8, 16), (16, 16), (16, 4)]


def test_cnn_shrinks_the_image_and_grows_the_channels() -> None:
    model = zoo.build("cnn")
    shapes: list[tuple[int, ...]] = []
    for name in ("conv1", "pool", "conv2", "average"):
        model.module.get_submodule(name).register_forward_hook(lambda *a: shapes.append(tuple(a[2].shape)))
    model.module(*model.example_inputs(1))
    assert shapes == [(1, 8, 16, 16), (1, 8, 8, 8), (1, 16, 8, 8), (1, 16, 1, 1)]


def test_residual_adds_what_came_in() -> None:
    model = zoo.build("residual")
    norm = model.module.get_submodule("block.bn2")
    assert isinstance(norm, nn.BatchNorm2d)
    nn.init.zeros_(norm.weight)
    (x,) = model.example_inputs()
    assert torch.equal(model.module.get_submodule("block")(x), x.relu())


def test_lstm_uses_the_last_step_alone() -> None:
    model = zoo.build("lstm")
    (x,) = model.example_inputs()
    steps, _ = model.module.get_submodule("lstm")(x)
    assert steps.shape == (2, 5, 16)
    assert torch.equal(model.module(x), layer(model, "head")(steps[:, -1]))


def test_transformer_mixes_its_steps() -> None:
    model = zoo.build("transformer")
    model.module.eval()
    (x,) = model.example_inputs()
    changed = x.clone()
    changed[:, 0] += 1
    encoder = model.module.get_submodule("encoder")
    assert isinstance(encoder, nn.TransformerEncoderLayer)
    assert not torch.allclose(encoder(x)[:, 1:], encoder(changed)[:, 1:])


def test_reused_calls_one_layer_twice_and_shares_its_weight() -> None:
    model = zoo.build("reused")
    called = calls(model.module, model.example_inputs())
    assert called == ["step", "activation", "step", "activation", "twin", "activation", "head"]
    step, twin = layer(model, "step"), layer(model, "twin")
    assert step.weight is twin.weight
    assert step.bias is not twin.bias
    assert "twin.weight" not in dict(model.module.named_parameters())


def test_reused_sums_the_gradients_of_three_uses() -> None:
    model = zoo.build("reused")
    (x,) = model.example_inputs()
    step, twin, head = (layer(model, name) for name in ("step", "twin", "head"))
    model.module(x).sum().backward()
    uses = [step.weight.detach().clone().requires_grad_() for _ in range(3)]
    for weight, bias in zip(uses, (step.bias, step.bias, twin.bias), strict=True):
        x = torch.tanh(nn.functional.linear(x, weight, bias))
    gradients = torch.autograd.grad(head(x).sum(), uses)
    torch.testing.assert_close(step.weight.grad, sum(gradients, torch.zeros(16, 16)))


def test_inplace_relu_overwrites_what_a_hook_kept() -> None:
    kept: dict[str, Tensor] = {}
    for name in ("mlp", "inplace_relu"):
        model = zoo.build(name)
        keep = lambda *a, name=name: kept.update({name: a[2]})  # noqa: E731
        layer(model, "fc1").register_forward_hook(keep)
        model.module(*model.example_inputs())
    assert kept["mlp"].min() < 0
    assert torch.equal(kept["inplace_relu"], kept["mlp"].relu())


def test_dict_output_has_two_heads() -> None:
    model = zoo.build("dict_output")
    result = model.module(*model.example_inputs(3))
    assert {name: tuple(y.shape) for name, y in result.items()} == {"class": (3, 3), "value": (3, 1)}


def test_keywords_reach_hooks_only_if_they_ask() -> None:
    model = zoo.build("keywords")
    positional, keywords = model.arguments(model.example_inputs())
    assert (len(positional), list(keywords)) == (1, ["scale", "shift"])
    seen: list[int] = []
    model.module.register_forward_hook(lambda _, args, __: seen.append(len(args)))
    model.module.register_forward_hook(lambda *a: seen.append(len(a[2])), with_kwargs=True)
    by_name = model.module(*positional, **keywords)
    assert seen == [1, 2]
    assert torch.equal(by_name, model.module(*model.example_inputs()))


def test_dropout_differs_in_training_and_repeats_in_evaluation() -> None:
    model = zoo.build("dropout")
    x = model.example_inputs(64)
    dropout = model.module.get_submodule("dropout")
    assert isinstance(dropout, nn.Dropout)
    assert dropout.p == 0.5
    assert not torch.equal(model.module(*x), model.module(*x))
    model.module.eval()
    assert torch.equal(model.module(*x), model.module(*x))


def test_containers_are_never_called() -> None:
    model = zoo.build("containers")
    held = {name for name, _ in model.module.named_modules() if name}
    called = set(calls(model.module, model.example_inputs()))
    assert held - called == {"layers", "parts"}


@pytest.mark.parametrize("seed", range(20))
def test_early_exit_skips_its_second_block_for_zeros_whatever_the_seed(seed: int) -> None:
    model = zoo.build("early_exit", seed)
    for batch in (1, 2):
        assert "block2" not in calls(model.module, model.example_inputs(batch, "zeros"))
        assert "block2" in calls(model.module, model.example_inputs(batch, seed=seed))


def gradients(name: str, seed: int) -> tuple[list[float], list[float], list[float]]:
    """Norms of the gradient of the mean square output, per linear layer: weight, bias and output."""
    model = zoo.build(name, seed)
    kept: list[Tensor] = []
    linears = [m for m in model.module.modules() if isinstance(m, nn.Linear)]

    def keep(_: nn.Module, __: object, y: Tensor) -> None:
        y.retain_grad()
        kept.append(y)

    for linear in linears:
        linear.register_forward_hook(keep)
    model.module(*model.example_inputs(8)).square().mean().backward()

    def norms(tensors: list[Tensor]) -> list[float]:
        return [float(t.grad.norm()) for t in tensors if t.grad is not None]

    return norms([m.weight for m in linears]), norms([m.bias for m in linears]), norms(kept)


@pytest.mark.parametrize("seed", range(5))
def test_deep_tanh_gradients_vanish(seed: int) -> None:
    for norms in gradients("deep_tanh", seed):
        assert len(norms) == 10
        assert norms == sorted(norms)
        assert 0 < norms[0] < norms[-1] / 10_000


@pytest.mark.parametrize("seed", range(5))
def test_deep_relu_gradients_explode(seed: int) -> None:
    weight, bias, output = gradients("deep_relu", seed)
    assert bias[0] > 100 * bias[-1]
    assert output[0] > 100 * output[-1]
    assert min(weight) > 1e6  # huge in all layers: where less gradient arrives, the activation is larger
