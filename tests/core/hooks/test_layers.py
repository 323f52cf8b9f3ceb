"""The table of layers counts what PyTorch counts, and says what each layer gave."""

import pytest
import torch
from torch import nn

from core import zoo
from core.hooks.calls import CallTrace
from core.hooks.layers import Layer, list_layers, total_parameters
from tests.core.hooks.test_preserve import loss_of


def layers_of(model: str) -> dict[str, Layer]:
    made = zoo.build(model)
    with CallTrace(made.module) as trace:
        loss_of(made)
    return {layer.name: layer for layer in list_layers(made.module, trace.calls)}


@pytest.mark.parametrize("model", zoo.names())
def test_every_layer_is_listed_once_in_pytorchs_order_with_its_own_parameters(model: str) -> None:
    module, layers = zoo.build(model).module, layers_of(model)
    assert list(layers) == [name for name, _ in module.named_modules()]
    for name, layer in layers.items():
        own = dict(module.get_submodule(name).named_parameters(recurse=False))
        assert layer.type == type(module.get_submodule(name)).__name__
        assert layer.parameters == layer.trainable == sum(value.numel() for value in own.values())
        assert layer.parameter_names == tuple(own)
        assert layer.depth == (len(name.split(".")) if name else 0)


@pytest.mark.parametrize("model", zoo.names())
def test_calls_and_shapes_are_those_that_plain_hooks_see(model: str) -> None:
    made = zoo.build(model)
    shapes: dict[str, list[str]] = {name: [] for name, _ in made.module.named_modules()}
    for name, module in made.module.named_modules():
        module.register_forward_hook(
            lambda _module, _args, output, name=name: shapes[name].append(
                str(tuple(output.shape)) if isinstance(output, torch.Tensor) else ""
            )
        )
    loss_of(made)
    for name, layer in layers_of(model).items():
        assert layer.calls == len(shapes[name])
        if shapes[name] and shapes[name][-1]:
            assert layer.output == shapes[name][-1]
        elif not shapes[name]:
            assert layer.output == ""


def test_several_tensors_are_named_and_the_first_three_shown() -> None:
    assert layers_of("dict_output")[""].output == "['class']: (4, 3), ['value']: (4, 1)"
    assert layers_of("lstm")["lstm"].output == "[0]: (4, 5, 16), [1][0]: (1, 4, 16), [1][1]: (1, 4, 16)"

    class Four(nn.Module):
        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [x] * 4

    model = Four()
    with CallTrace(model) as trace:
        model(torch.ones(2))
    assert list_layers(model, trace.calls)[0].output == "[0]: (2,), [1]: (2,), [2]: (2,), …"


def test_a_shared_weight_names_its_first_owner_and_counts_once_in_the_total() -> None:
    layers = layers_of("reused")
    assert {name: layer.shared_with for name, layer in layers.items() if layer.shared_with} == {
        "twin": "step"
    }
    module = zoo.build("reused").module
    assert total_parameters(module) == sum(value.numel() for value in module.parameters())
    assert total_parameters(module) == sum(layer.parameters for layer in layers.values()) - 16 * 16


def test_every_further_owner_of_a_weight_names_the_first() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))
    for layer in (model.get_submodule("1"), model.get_submodule("2")):
        layer.register_parameter("weight", model.get_parameter("0.weight"))
    assert [layer.shared_with for layer in list_layers(model, ())] == ["", "", "0", "0"]


def test_frozen_parameters_are_not_trainable() -> None:
    model = nn.Linear(3, 2)
    model.weight.requires_grad_(False)
    (layer,) = list_layers(model, ())
    assert (layer.parameters, layer.trainable, layer.calls, layer.output) == (8, 2, 0, "")


def test_calls_of_the_backward_pass_do_not_count() -> None:
    model = nn.Identity()
    with CallTrace(model) as trace:
        model(torch.ones(2))
        trace.phase = "backward"
        model(torch.ones(3))
    (layer,) = list_layers(model, trace.calls)
    assert (layer.calls, layer.output) == (1, "(2,)")


def test_the_label_is_the_last_part_of_the_name() -> None:
    layers = layers_of("transformer")
    assert layers[""].label == "model"
    assert layers["encoder.self_attn.out_proj"].label == "out_proj"
