"""The gallery: every example has a gradient worth looking at, and is the loss it says it is."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.gradients import Verdict, compare, parse
from core.gradients.evaluation import evaluate
from core.gradients.gallery import EXAMPLES, Example, example

numbers = st.floats(-50, 50)


@pytest.mark.parametrize("shown", EXAMPLES, ids=lambda shown: shown.key)
def test_the_witnesses_agree_on_every_example_and_no_gradient_is_zero(shown: Example) -> None:
    found = compare(shown.loss, shown.values, shown.wrt, "float64")
    assert found.verdict is Verdict.AGREE
    assert all(row.autograd != 0 for row in found)


@pytest.mark.parametrize("shown", EXAMPLES, ids=lambda shown: shown.key)
def test_every_example_gives_exactly_the_values_its_loss_needs(shown: Example) -> None:
    assert set(shown.values) == set(parse(shown.loss).variables)
    assert set(shown.wrt) <= set(shown.values)
    assert shown.note.endswith(".")


def test_the_worked_example_comes_first() -> None:
    first = EXAMPLES[0]
    found = compare(first.loss, first.values, first.wrt)
    assert f"{found['w'].autograd:.4f}" == "-15.6000"
    assert f"{found['b'].autograd:.4f}" == "-7.8000"


def test_keys_are_unique_and_find_their_example() -> None:
    assert len({shown.key for shown in EXAMPLES}) == len(EXAMPLES)
    assert all(example(shown.key) is shown for shown in EXAMPLES)


def test_an_unknown_key_is_answered_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="'huger' is not in the gallery: choose one of squared-error, "):
        example("huger")


def loss_of(key: str, **values: float) -> torch.Tensor:
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}
    result = evaluate(parse(example(key).loss), tensors)[-1]
    assert isinstance(result, torch.Tensor)
    return result


@settings(deadline=None)
@given(numbers, numbers, numbers, numbers)
def test_huber_is_pytorchs_huber_loss(w: float, x: float, b: float, y: float) -> None:
    prediction, target = torch.tensor(w * x + b, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)
    expected = torch.nn.functional.huber_loss(prediction, target)
    torch.testing.assert_close(loss_of("huber", w=w, x=x, b=b, y=y), expected)


@settings(deadline=None)
@given(numbers, numbers, numbers, st.sampled_from([-1.0, 1.0]))
def test_the_logistic_loss_is_binary_cross_entropy(w: float, x: float, b: float, y: float) -> None:
    logit, target = (
        torch.tensor(w * x + b, dtype=torch.float64),
        torch.tensor((y + 1) / 2, dtype=torch.float64),
    )
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logit, target)
    torch.testing.assert_close(loss_of("logistic", w=w, x=x, b=b, y=y), expected, rtol=1e-7, atol=3e-9)


@settings(deadline=None)
@given(numbers, numbers, numbers, st.sampled_from([-1.0, 1.0]))
def test_the_hinge_loss_is_pytorchs_margin_loss(w: float, x: float, b: float, y: float) -> None:
    score = torch.tensor([w * x + b], dtype=torch.float64)
    expected = torch.nn.functional.margin_ranking_loss(
        score, torch.zeros_like(score), torch.tensor([y], dtype=torch.float64), margin=1.0
    )
    torch.testing.assert_close(loss_of("hinge", w=w, x=x, b=b, y=y), expected)
