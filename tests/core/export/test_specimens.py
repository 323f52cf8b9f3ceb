"""Each specimen computes in eager PyTorch what its story says; test_exporter has where exporters go wrong."""

import numpy as np
import pytest
import torch

from core import zoo
from core.export import specimens
from core.export.plan import MAX_BATCH
from core.zoo import InputKind, ZooError

OWN = ["python_scale", "loop_over_batch", "pooled", "singular_values"]


def test_the_zoo_comes_first_and_the_specimens_after_it() -> None:
    assert specimens.names() == [*zoo.names(), *OWN]
    assert list(specimens.titles()) == specimens.names()
    assert all(specimens.titles().values())
    assert len(set(specimens.titles().values())) == len(specimens.names())


@pytest.mark.parametrize("name", OWN)
def test_a_specimen_runs_at_every_batch_and_says_what_it_is(name: str) -> None:
    made = specimens.build(name)
    assert (made.name, made.title) == (name, specimens.titles()[name])
    assert made.about.endswith(".")
    for batch in (1, 2, 3, MAX_BATCH):
        for kind in (InputKind.NORMAL, InputKind.RAMP):
            output = made.module(*made.example_inputs(batch, kind))
            assert output.shape[0] == batch
            assert torch.isfinite(output).all()


@pytest.mark.parametrize("name", OWN)
def test_the_same_seed_gives_the_same_bits_and_leaves_the_generator(name: str) -> None:
    before = torch.random.get_rng_state()
    first, second, other = (specimens.build(name, seed).module.state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert all(not torch.equal(first[key], other[key]) for key in first)


def test_a_model_of_the_zoo_comes_from_the_zoo() -> None:
    ours, theirs = specimens.build("cnn", 5), zoo.build("cnn", 5)
    assert (ours.name, ours.inputs, ours.about) == (theirs.name, theirs.inputs, theirs.about)
    other = theirs.module.state_dict()
    assert all(torch.equal(value, other[key]) for key, value in ours.module.state_dict().items())


@pytest.mark.parametrize("name", [*OWN, "mlp"])
def test_a_seed_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(ZooError, match=r"^The seed is -1: choose"):
        specimens.build(name, -1)


def test_an_unknown_name_is_refused_with_the_names() -> None:
    with pytest.raises(ZooError, match=r"^There is no model 'gpt': choose one of"):
        specimens.build("gpt")


def test_the_scaled_one_divides_by_the_largest_of_the_whole_batch() -> None:
    made = specimens.build("python_scale")
    (x,) = made.example_inputs(3)
    linear = made.module.linear
    assert isinstance(linear, torch.nn.Linear)
    scaled = x.numpy() / np.abs(x.numpy()).max()
    expected = scaled @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()
    np.testing.assert_allclose(made.module(x).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_the_loop_computes_what_one_call_would() -> None:
    made = specimens.build("loop_over_batch")
    (x,) = made.example_inputs(5)
    linear = made.module.linear
    assert isinstance(linear, torch.nn.Linear)
    torch.testing.assert_close(made.module(x), linear(x))


def test_pooling_averages_windows_that_overlap() -> None:
    made = specimens.build("pooled")
    (x,) = made.example_inputs(2)
    windows = [(0, 3), (2, 5), (4, 7)]  # of 7 numbers, for 3 places
    expected = np.stack([x.numpy()[..., low:high].mean(axis=-1) for low, high in windows], axis=-1)
    np.testing.assert_allclose(made.module(x).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_singular_values_are_those_of_numpy() -> None:
    made = specimens.build("singular_values")
    (x,) = made.example_inputs(4)
    expected = np.linalg.svd(x.numpy().astype(np.float64), compute_uv=False)
    np.testing.assert_allclose(made.module(x).numpy(), expected, rtol=1e-4, atol=1e-5)
