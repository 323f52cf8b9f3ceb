"""torch.compile, where there is a compiler; it takes seconds."""

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core import zoo
from core.engines import EngineError, EngineKind, available, create
from core.engines.compiled import why_not_compiled
from tests.core.engines.oracle import TOLERANCES, apart, expected, options

needs_compiler = pytest.mark.skipif(bool(why_not_compiled()), reason=why_not_compiled())


def counted() -> int:
    """How many graphs have been compiled in this process."""
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


@pytest.fixture
def clean() -> Iterator[None]:
    yield
    torch.compiler.reset()


@needs_compiler
@pytest.mark.usefixtures("clean")
def test_it_computes_what_the_model_does_once_it_has_compiled() -> None:
    made = zoo.build("keywords")
    before = counted()
    with create("compiled", made, options()) as engine:
        assert counted() == before, "Loading has compiled."
        for batch in (2, 3, 5):
            inputs = made.example_inputs(batch, "normal", seed=batch)
            assert apart(engine.predict(inputs), expected(made, inputs)) <= TOLERANCES["float32"]
        assert counted() == before + 2  # one for a batch of 2, one for all others
        assert str(engine.metadata()["compiler"]).startswith("inductor, ")
    assert made.module.training


@pytest.mark.skipif(sys.platform != "linux", reason="the compiler has another name")
def test_without_a_compiler_it_cannot_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    reason = "There is no C++ compiler `g++` here: install one, or name yours in CXX."
    assert why_not_compiled() == reason
    assert [each.reason for each in available() if each.kind is EngineKind.COMPILED] == [reason]
    with pytest.raises(EngineError, match=r"torch.compile cannot be had here. There is no C"):
        create("compiled", zoo.build("simple_mlp"))


def test_the_compiler_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "none-such")
    assert why_not_compiled().startswith("There is no C++ compiler `none-such` here")


def test_without_pythons_headers_it_cannot_be_had(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", sys.executable)
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    assert why_not_compiled().startswith("Python's header files are not here")
    (tmp_path / "Python.h").touch()
    assert why_not_compiled() == ""
