import signal
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from core.benchmark.fairness.around import Beside, BesideEngine, Converting, ConvertingEngine
from core.engines.engine import Array
from tests.core.benchmark.known import KnownEngine
from tests.core.benchmark.tuned import Tuned

INPUTS = (torch.ones(2),)


class Counted(KnownEngine):
    """Says what is asked of it."""

    def __init__(self, name: str, said: list[str]) -> None:
        super().__init__(lambda: said.append(name), lambda: said.append(f"load {name}"))
        self._name, self._said = name, said

    def predict(self, inputs: Sequence[Tensor]) -> tuple[Array, ...]:
        self._said.append(f"predict {self._name}")
        return super().predict(inputs)

    def prepare(self, inputs: Sequence[Tensor]) -> Callable[[], Any]:
        self._said.append(f"prepare {self._name}")
        return super().prepare(inputs)

    def synchronize(self) -> None:
        self._said.append(f"synchronize {self._name}")

    def close(self) -> None:
        self._said.append(f"close {self._name}")


def test_a_converting_call_is_a_whole_prediction() -> None:
    said: list[str] = []
    with ConvertingEngine(Counted("one", said)) as engine:
        call = engine.prepare(INPUTS)
        call()
        call()
        engine.synchronize()
        assert dict(engine.metadata())["converts"] is True
    assert said == [
        "load one", "predict one", "one", "predict one", "one", "synchronize one", "close one"
    ]  # fmt: skip


@pytest.mark.skipif(not hasattr(signal, "SIGCONT"), reason="this system has no SIGCONT")
def test_the_other_has_its_turn_whenever_the_process_goes_on() -> None:
    said: list[str] = []
    before = signal.getsignal(signal.SIGCONT)
    engine = BesideEngine(Counted("one", said), Counted("other", said), INPUTS, seconds=0.001)
    engine.load()
    call = engine.prepare(INPUTS)
    said.clear()
    call()
    assert said == ["one"]
    signal.raise_signal(signal.SIGCONT)
    said.clear()
    call()
    assert said.count("other") > 1
    assert said[-2:] == ["synchronize other", "one"]
    assert set(said[:-2]) == {"other"}
    said.clear()
    call()
    call()
    assert said == ["one", "one"]
    said.clear()
    engine.close()
    engine.close()
    assert set(said) == {"close one", "close other"}
    assert signal.getsignal(signal.SIGCONT) is before


def test_where_no_process_can_be_stopped_none_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(signal, "SIGCONT", raising=False)
    engine = BesideEngine(Counted("one", []), Counted("other", []), INPUTS, seconds=0.001)
    with pytest.raises(ValueError, match="cannot stop a process"):
        engine.load()


def test_contenders_keep_their_name_threads_and_inputs() -> None:
    runs = Tuned("one", 0.001, threads=2, batch=3)
    for around in (Converting(runs), Beside(runs, Tuned("other", 0.001), 0.001)):
        assert (around.name, around.threads) == ("one", 2)
        assert torch.equal(around.inputs()[0], runs.inputs()[0])
        assert around.open().kind == runs.open().kind
