"""What a trace holds, and what it cannot."""

import warnings

import torch

from core import zoo
from core.engines import create
from core.zoo import InputKind
from tests.core.engines.oracle import TOLERANCES, apart, expected, options


def test_it_is_a_frozen_graph() -> None:
    made = zoo.build("cnn")
    with create("torchscript", made, options()) as engine:
        run = engine._run  # type: ignore[attr-defined] # of PyTorch's engines
        assert isinstance(run, torch.jit.ScriptModule)
        assert not list(run.parameters())


def test_its_decisions_are_fixed_and_it_says_so() -> None:
    made = zoo.build("early_exit")
    zeros = made.example_inputs(2, InputKind.ZEROS)
    with create("torchscript", made, options()) as engine:
        assert engine.metadata()["fixed_decisions"] == 1
        # Zeros skip the second block; the trace, made on an example that did not, does not.
        assert apart(engine.predict(zeros), expected(made, zeros)) > TOLERANCES["float32"]


def test_pytorchs_own_tests_of_shapes_are_no_decisions() -> None:
    with create("torchscript", zoo.build("lstm"), options()) as engine:
        assert engine.metadata()["fixed_decisions"] == 0


def test_that_it_is_deprecated_is_no_warning() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with create("torchscript", zoo.build("keywords"), options()):
            pass
    assert not caught
