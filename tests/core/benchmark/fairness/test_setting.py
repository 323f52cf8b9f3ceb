"""Each setting changes in the fair pair what it says, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core import machine
from core.benchmark.configuration import Configuration, contenders
from core.benchmark.exported import Exported
from core.benchmark.fairness.around import Beside, Converting
from core.benchmark.fairness.setting import OTHER_BATCHES, DoesNotApplyError, Duel, Setting
from core.benchmark.plan import Contender
from core.engines.engine import EngineKind, EngineOptions, Optimization, Spin

EAGER = Configuration(EngineKind.EAGER, EngineOptions(), 8)
ORT = Configuration(EngineKind.ORT, EngineOptions(), 8)
MAKE = contenders("mlp", 0, Exported(b"the file"))
DUEL = Duel(EAGER, ORT, MAKE, calls=20, block_seconds=0.05)


@pytest.fixture(autouse=True)
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "logical_cores", lambda: 4)


def threads(each: Configuration, count: int) -> Configuration:
    return replace(each, options=replace(each.options, threads=count))


def spinning(each: Configuration) -> Configuration:
    return replace(each, options=replace(each.options, spin=Spin.DEFAULT))


@pytest.mark.parametrize(
    ("setting", "first", "second"),
    [
        (Setting.FAIR, EAGER, ORT),
        (Setting.FAIR_THREADS, threads(EAGER, 2), threads(ORT, 2)),
        (Setting.FIRST_THREADS, threads(EAGER, 2), ORT),
        (Setting.SECOND_THREADS, EAGER, threads(ORT, 2)),
        (Setting.GRADIENTS, replace(EAGER, kind=EngineKind.EAGER_GRAD), ORT),
        (
            Setting.OPTIMIZATION,
            EAGER,
            replace(ORT, options=replace(ORT.options, optimization=Optimization.DISABLE)),
        ),
        # Their pairs are the fair ones: what differs is when they are timed.
        (Setting.COLD, EAGER, ORT),
        (Setting.NEIGHBOR, EAGER, ORT),
        (Setting.SMALL_BATCH, replace(EAGER, batch=1), replace(ORT, batch=1)),
        (Setting.LARGE_BATCH, replace(EAGER, batch=64), replace(ORT, batch=64)),
    ],
)
def test_a_setting_changes_one_thing(setting: Setting, first: Configuration, second: Configuration) -> None:
    assert DUEL.pair(setting) == (MAKE(first), MAKE(second))


def test_copies_are_those_of_one_engine() -> None:
    first, second = MAKE(EAGER), MAKE(ORT)
    assert DUEL.pair(Setting.FIRST_COPIES) == (Converting(first), second)
    assert DUEL.pair(Setting.SECOND_COPIES) == (first, Converting(second))


def test_engines_that_share_a_process_have_threads_and_onnx_runtimes_spin() -> None:
    first, second = MAKE(threads(EAGER, 2)), MAKE(spinning(threads(ORT, 2)))
    assert DUEL.pair(Setting.SPIN) == (Beside(first, second, 0.05), Beside(second, first, 0.05))


def test_every_setting_has_a_pair_a_title_and_a_sentence() -> None:
    assert {len(DUEL.pair(setting)) for setting in Setting} == {2}
    titles = [DUEL.title(setting) for setting in Setting]
    assert len(set(titles)) == len(titles)
    for setting in Setting:
        for text in (DUEL.title(setting), DUEL.about(setting)):
            assert text.isprintable()
            assert not set("{}") & set(text)
        assert DUEL.about(setting).endswith(".")


def test_words_name_the_engines_and_the_numbers() -> None:
    assert DUEL.title(Setting.FAIR) == "Fair: 1 thread each"
    assert DUEL.title(Setting.FIRST_THREADS) == "2 threads for Eager PyTorch, 1 for ONNX Runtime"
    assert DUEL.title(Setting.COLD) == "No warm-up: the first 20 calls"
    assert DUEL.title(Setting.SMALL_BATCH) == "Batch 1, said of batch 8"
    many = replace(DUEL, first=threads(EAGER, 4), second=threads(ORT, 4))
    assert many.title(Setting.FAIR) == "Fair: 4 threads each"
    assert many.title(Setting.SECOND_THREADS) == "1 thread for Eager PyTorch, 4 for ONNX Runtime"


def test_a_title_says_the_batch_that_is_measured() -> None:
    for setting, batch in OTHER_BATCHES.items():
        assert DUEL.title(setting).startswith(f"Batch {batch},")
        first, _ = DUEL.pair(setting)
        assert isinstance(first, Contender)
        assert first.batch == batch


def test_a_setting_is_held_against_what_differs_in_nothing_else() -> None:
    found = {setting: DUEL.reference(setting) for setting in Setting}
    assert found.pop(Setting.FAIR) is None
    assert found.pop(Setting.SPIN) is Setting.FAIR_THREADS
    assert set(found.values()) == {Setting.FAIR}
    many = replace(DUEL, first=threads(EAGER, 2), second=threads(ORT, 2))
    assert many.reference(Setting.SPIN) is Setting.FAIR


BFLOAT16 = replace(EAGER, kind=EngineKind.BFLOAT16)
TORCHSCRIPT = replace(EAGER, kind=EngineKind.TORCHSCRIPT)


@pytest.mark.parametrize(
    ("duel", "setting", "why"),
    [
        (
            replace(DUEL, first=threads(EAGER, 2), second=threads(ORT, 2)),
            Setting.FAIR_THREADS,
            "The fair comparison has 2 threads already.",
        ),
        (
            replace(DUEL, first=threads(EAGER, 8), second=threads(ORT, 8)),
            Setting.FIRST_THREADS,
            "It takes 8 cores, and 4 cores may be used here.",
        ),
        (
            replace(DUEL, first=threads(EAGER, 8), second=threads(ORT, 8)),
            Setting.SPIN,
            "It takes 8 cores, and 4 cores may be used here.",
        ),
        (
            replace(DUEL, first=BFLOAT16, second=TORCHSCRIPT),
            Setting.SPIN,
            "Neither engine is ONNX Runtime's, whose threads spin.",
        ),
        (
            replace(DUEL, first=BFLOAT16),
            Setting.GRADIENTS,
            "Neither engine is eager PyTorch, which alone can record gradients here.",
        ),
        (
            replace(DUEL, second=replace(EAGER, kind=EngineKind.EAGER_GRAD)),
            Setting.GRADIENTS,
            "It would make the two engines one.",
        ),
        (
            replace(DUEL, second=TORCHSCRIPT),
            Setting.OPTIMIZATION,
            "Neither engine is ONNX Runtime's, whose graph optimizations can be turned off.",
        ),
        (
            replace(DUEL, first=replace(EAGER, batch=1), second=replace(ORT, batch=1)),
            Setting.SMALL_BATCH,
            "The fair comparison has a batch of 1 already.",
        ),
    ],
)
def test_what_does_not_apply_says_why_in_one_line(duel: Duel, setting: Setting, why: str) -> None:
    with pytest.raises(DoesNotApplyError) as caught:
        duel.pair(setting)
    assert str(caught.value) == why


def test_one_core_is_said_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "logical_cores", lambda: 1)
    with pytest.raises(DoesNotApplyError, match=r"^It takes 2 cores, and 1 core may be used here\.$"):
        DUEL.with_threads(1, 2)
    assert DUEL.with_threads(1, 1) == (MAKE(EAGER), MAKE(ORT))
