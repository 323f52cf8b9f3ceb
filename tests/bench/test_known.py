"""The engines whose speed is known: that they do what they say, not how fast this machine does it."""

from __future__ import annotations

import time

import pytest
import torch

from bench.known import Known


def test_a_call_computes_so_many_products(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known("counted", products=7)
    calls = []
    multiply = torch.mm
    monkeypatch.setattr(torch, "mm", lambda *args, **kwargs: calls.append(multiply(*args, **kwargs)))
    with known.open() as engine:
        call = engine.prepare(known.inputs())
        assert not calls
        call()
        call()
    assert len(calls) == 14


def test_a_call_sleeps_so_long() -> None:
    known = Known("sleepy", sleeps=0.05)
    with known.open() as engine:
        call = engine.prepare(known.inputs())
        start = time.perf_counter()
        call()
        assert 0.05 <= time.perf_counter() - start < 1.0


def test_it_gives_its_inputs_back() -> None:
    known = Known("counted", products=1)
    with known.open() as engine:
        (found,) = engine.predict(known.inputs())
    assert found.tolist() == [0.0, 1.0, 2.0, 3.0]
