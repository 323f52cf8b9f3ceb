import math

import pytest
import torch

from core import zoo
from core.benchmark.footprint import batch_bytes


def test_a_small_mlp_by_hand() -> None:
    made = zoo.build("simple_mlp")
    (linear,) = [each for each in made.module.modules() if isinstance(each, torch.nn.Linear)]
    # One example: what goes in and what comes out, four bytes each.
    assert batch_bytes(made, 1) == 4 * (linear.in_features + linear.out_features)


@pytest.mark.parametrize("name", zoo.names())
def test_it_grows_with_the_batch_and_covers_the_inputs_and_the_parts_that_run(name: str) -> None:
    made = zoo.build(name)
    one = batch_bytes(made, 1)
    inputs = sum(4 * math.prod(each.shape) for each in made.example_inputs(1))
    assert one > inputs
    assert batch_bytes(made, 10**6) == 10**6 * one


def test_the_model_is_left_as_it_was() -> None:
    made = zoo.build("cnn")
    batch_bytes(made, 3)
    assert made.module.training
    assert not any(each._forward_hooks for each in made.module.modules())
