"""The fidelity benchmark with small counts: that it counts rightly, not what it finds on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from bench import fidelity, fidelity_neighbor
from bench.__main__ import render
from bench.fidelity import Part
from bench.fidelity_bare import BARER, CALLED, save, timer
from bench.fidelity_beside import Beside, beside, beside_table, in_turn
from bench.fidelity_medians import Medians, Subject, medians, medians_table
from bench.fidelity_neighbor import Visit, interrupted, neighbors, timed_visits
from bench.fidelity_verdicts import BASE, CONTENDERS, EQUAL, MORE, Noise, comparisons, simulated, verdicts
from bench.fidelity_within import Within, within, within_table
from bench.registry import Table
from core import zoo
from core.benchmark import method as measuring
from core.benchmark.method import Progress, Tell
from core.benchmark.plan import Method
from core.benchmark.report import CaseReport
from core.benchmark.worker import Runs
from core.engines.engine import EngineKind
from core.engines.ort import export_onnx
from tests.core.benchmark.reports import case

QUICK = Method(
    block_seconds=0.002, least_rounds=3, most_rounds=3, least_seconds=0.0, warm_seconds=0.01,
    most_foreign=1.0, samples=0,
)  # fmt: skip
RIGHT = {BASE: 1.0, EQUAL: 1.0, MORE: 1.1}
WRONG = {BASE: 1.0, EQUAL: 1.1, MORE: 1.0}


def test_the_bare_loop_imports_neither_torch_nor_the_app(tmp_path: Path) -> None:
    model = zoo.build("scalar_linear")
    (inputs,) = model.example_inputs(3)
    save(tmp_path, export_onnx(model), {model.input_names[0]: inputs.numpy()})
    program = (
        "import json, sys, pathlib; from bench.fidelity_bare import loop; "
        f"found = loop(pathlib.Path({str(tmp_path)!r}), 1, 0.02); "
        "print(json.dumps([found, sorted({'torch', 'core'} & sys.modules.keys())]))"
    )
    answer = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    found, imported = json.loads(answer.stdout)
    assert imported == []
    assert found.keys() == {CALLED, BARER}
    assert all(0 < each < 1 for each in found.values())


def test_the_timer_has_the_threads_and_the_mode_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    model = zoo.build("scalar_linear")

    def forward(*_: object) -> None:
        seen.append((torch.get_num_threads(), torch.is_inference_mode_enabled()))

    monkeypatch.setattr(model.module, "forward", forward)
    monkeypatch.setattr(zoo, "build", lambda *_: model)
    found = timer("scalar_linear", 0, 2, 1, 0.01)
    assert found.keys() == {CALLED, BARER}
    assert all(each > 0 for each in found.values())
    assert set(seen) == {(1, True)}


def test_both_engines_are_measured_by_all() -> None:
    found = medians(Subject("scalar_linear", 2), 1, QUICK, seconds=0.01)
    assert [each.engine for each in found] == [EngineKind.EAGER, EngineKind.ORT]
    for each in found:
        assert [len(times) for times in (each.ours, each.called, each.barer)] == [1, 1, 1]
        assert all(0 < times[0] < 1 for times in (each.ours, each.called, each.barer))
    assert render(medians_table(found, 1, 2.0))


def test_medians_that_are_apart_miss_the_target() -> None:
    def of(engine: EngineKind, ours: Sequence[float]) -> Medians:
        return Medians(Subject("mlp", 4, 2), engine, ours, [1e-4] * len(ours), [0.5e-4] * len(ours))

    table = medians_table([of(EngineKind.EAGER, [1.02e-4] * 3), of(EngineKind.ORT, [0.96e-4] * 3)], 3, 9.0)
    assert [row[:5] for row in table.rows] == [("mlp", 4, 2, "eager", 3), ("mlp", 4, 2, "ort", 3)]
    assert [row[5] for row in table.rows] == [pytest.approx(102), pytest.approx(96)]
    assert table.rows[0][-2:] == ("1.02 (1.02 to 1.02)", "2.04 (2.04 to 2.04)")
    assert [target.met for target in table.targets] == [True, False]
    assert "mlp at 4 (0.960)" in table.targets[1].text
    nothing = medians_table([of(EngineKind.EAGER, [])], 3, 9.0)
    assert not nothing.targets[0].met
    assert "no round counted" in nothing.targets[0].text
    assert "-" in render(nothing)


def test_both_engines_are_timed_beside_the_others() -> None:
    found = beside(Subject("scalar_linear", 2), 1, blocks=3, seconds=0.001)
    assert [each.engine for each in found] == [EngineKind.EAGER, EngineKind.ORT]
    assert all(0 < each.ours[0] < 1 and 0 < each.theirs[0] < 1 for each in found)
    assert render(beside_table(found, 2.0))


def test_blocks_that_are_apart_miss_the_target() -> None:
    same = [1e-4] * 3
    table = beside_table(
        [
            Beside(Subject("mlp", 4, 2), EngineKind.EAGER, [1.02e-4] * 3, same),
            Beside(Subject("mlp", 4, 2), EngineKind.ORT, [1.04e-4] * 3, same),
        ],
        9.0,
    )
    assert [target.met for target in table.targets] == [True, False]
    assert "mlp at 4 (1.040)" in table.targets[1].text


def test_both_engines_are_timed_by_others_in_the_processes_of_a_comparison() -> None:
    found = within(Subject("scalar_linear", 2), 1, QUICK)
    assert [each.engine for each in found] == [EngineKind.EAGER, EngineKind.ORT]
    # The first engine has a twin.
    assert [(len(each.ours), len(each.theirs)) for each in found] == [(2, 2), (1, 1)]
    assert all(0 < seconds < 1 for each in found for seconds in (*each.ours, *each.theirs))
    assert render(within_table(found, 2.0))


def test_a_comparison_whose_medians_are_apart_misses_the_target() -> None:
    same = [1e-4] * 3
    table = within_table(
        [
            Within(Subject("mlp", 4, 2), EngineKind.EAGER, [0.96e-4] * 3, same),
            Within(Subject("mlp", 4, 2), EngineKind.ORT, [1.02e-4] * 3, same),
        ],
        9.0,
    )
    assert [target.met for target in table.targets] == [False, True]
    assert "mlp at 4 (0.960)" in table.targets[0].text


def test_blocks_in_turn_are_of_the_same_length_and_in_random_order() -> None:
    asked: list[tuple[str, int]] = []

    def way(name: str, seconds: float) -> Callable[[int], float]:
        def block(calls: int) -> float:
            asked.append((name, calls))
            return seconds

        return block

    found = in_turn(way("ours", 0.002), way("theirs", 0.001), 20, 0.01)
    assert found == {"ours": 0.002, "theirs": 0.001}
    measured = asked[-40:]
    assert {calls for _, calls in measured} == {5}
    firsts = {measured[place][0] for place in range(0, 40, 2)}
    assert firsts == {"ours", "theirs"}


def test_ten_percent_more_work_is_ten_percent_more_products() -> None:
    work = {each.name: each.products for each in CONTENDERS}
    assert work[MORE] / work[BASE] == pytest.approx(1.1)
    assert work[EQUAL] == work[BASE]


def test_a_real_comparison_is_counted() -> None:
    cases = list(comparisons(1, QUICK))
    table = verdicts(cases, QUICK, 1.0)
    # Three rounds are too few for a verdict, whatever the machine does.
    assert [row[:6] for row in table.rows] == [(EQUAL, 1, 0, 0, 0, 1), (MORE, 1, 0, 0, 0, 1)]
    assert not any(target.met for target in table.targets)
    assert "3 rounds of 2 ms" in render(table)


def test_right_and_wrong_verdicts_are_counted() -> None:
    right, wrong = case(RIGHT), case(WRONG)
    table = verdicts([right] * 95 + [wrong] * 5, QUICK, 1.0)
    assert [row[:6] for row in table.rows] == [(EQUAL, 100, 95, 0, 5, 0), (MORE, 100, 5, 0, 95, 0)]
    assert table.rows[1][6] == pytest.approx(1 / 1.1)
    assert all(target.met for target in table.targets)
    table = verdicts([right] * 89 + [wrong] * 11, QUICK, 1.0)
    assert not any(target.met for target in table.targets)
    few = case(RIGHT, rounds=30, rejected=range(11))
    table = verdicts([right] * 94 + [few] * 6, QUICK, 1.0)
    assert [row[2:6] for row in table.rows] == [(94, 0, 0, 6), (0, 0, 94, 6)]
    assert [target.met for target in table.targets] == [False, True]
    assert "66 of" in render(table)


def test_an_engine_that_fails_is_no_verdict() -> None:
    with pytest.raises(RuntimeError, match="It crashed"):
        verdicts([case(RIGHT, problems={"other": "It crashed."})], QUICK, 1.0)


def test_without_noise_every_simulated_verdict_is_right_and_with_much_few_are() -> None:
    table = simulated(20, noises=(Noise(0.001, 0.0), Noise(1.0, 0.0)))
    assert [row[2:7] for row in table.rows[:2]] == [(EQUAL, 20, 20, 0, 0), (MORE, 20, 0, 0, 20)]
    assert table.rows[3][2] == MORE
    assert table.rows[3][4] == 20
    assert not table.targets
    assert "nothing measured" in table.title


def test_the_neighbor_comes_half_way_and_stays_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    @contextmanager
    def neighbor(cores: int) -> Iterator[None]:
        told.append(f"{cores} cores come")
        yield
        told.append("they go")

    def compare(_: object, __: object, *, tell: Tell) -> CaseReport:
        for stage, share in (("Warming up", 0.7), ("Round 1", 0.3), ("Round 21", 0.6), ("Round 22", 0.62)):
            tell(Progress(stage, share, None))
            told.append(stage)
        return case(RIGHT)

    monkeypatch.setattr(fidelity_neighbor, "Neighbor", neighbor)
    monkeypatch.setattr(fidelity_neighbor, "compare", compare)
    interrupted(2, QUICK)
    assert told == ["Warming up", "Round 1", "2 cores come", "Round 21", "Round 22", "they go"]


def test_half_way_is_half_of_the_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[str] = []

    @contextmanager
    def neighbor(_: int) -> Iterator[None]:
        entered.append(stages[-1])
        yield

    def compare(contenders: Sequence[Runs], method: Method, *, tell: Tell) -> CaseReport:
        def tell_both(progress: Progress) -> None:
            stages.append(progress.stage)
            tell(progress)

        return measuring.compare(contenders, method, tell=tell_both)

    stages: list[str] = []
    monkeypatch.setattr(fidelity_neighbor, "Neighbor", neighbor)
    monkeypatch.setattr(fidelity_neighbor, "compare", compare)
    found = interrupted(1, replace(QUICK, least_rounds=6, most_rounds=6))
    assert entered == ["Round 4"]
    assert found is not None
    assert len(found.rounds) == 6


def test_a_neighbor_that_never_came_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity_neighbor, "compare", lambda *_, **__: case(RIGHT))
    assert interrupted(1, QUICK) is None
    table = timed_visits(3, QUICK)
    assert table.rows == ()
    assert not table.targets[0].met
    assert "in 0 comparisons" in render(table)


def test_a_real_neighbor_comes_and_has_gone_when_the_comparison_is_over() -> None:
    found = interrupted(2, replace(QUICK, least_rounds=4, most_rounds=4))
    assert found is not None
    assert len(found.rounds) == 4
    # Engines and neighbors are children of the fork server, which stays.
    ours = psutil.Process()
    left = set(ours.children(recursive=True)) - set(ours.children())
    _, alive = psutil.wait_procs(left, timeout=5)
    assert not alive


def test_verdicts_that_a_neighbor_changed_are_counted() -> None:
    same = Visit(1, case(RIGHT), case(RIGHT, rounds=30, rejected=range(6)))
    other = Visit(2, case(RIGHT), case(WRONG))
    table = neighbors([same, other, same], QUICK, 3.0)
    assert [row[:3] for row in table.rows] == [(1, EQUAL, 2), (1, MORE, 2), (2, EQUAL, 1), (2, MORE, 1)]
    assert [row[5:8] for row in table.rows] == [(0, 12, 60), (0, 12, 60), (1, 0, 24), (1, 0, 24)]
    assert table.rows[1][3:5] == ("2 slower", "2 slower")
    assert table.rows[3][3:5] == ("1 slower", "1 cannot tell here")
    assert not table.targets[0].met
    assert "2 changed" in render(table)
    assert neighbors([same], QUICK, 3.0).targets[0].met
    assert not neighbors([same], QUICK, 3.0, missing=1).targets[0].met


def test_the_arguments_say_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def run(**given: object) -> list[Table]:
        asked.append(given)
        return []

    monkeypatch.setattr(fidelity, "run", run)
    assert fidelity.run_with(["--parts", "verdicts", "neighbor", "--repeats", "3", "--models", "cnn"]) == []
    assert fidelity.run_with([]) == []
    assert asked[0]["parts"] == [Part.VERDICTS, Part.NEIGHBOR]
    assert (asked[0]["repeats"], asked[0]["models"]) == (3, ["cnn"])
    assert (asked[1]["parts"], asked[1]["repeats"]) == (tuple(Part), 100)


def test_the_benchmark_runs_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(count: int) -> Table:
        return verdicts([case(RIGHT)] * count, QUICK, 1.0)

    monkeypatch.setattr(fidelity, "timed_comparisons", timed)
    monkeypatch.setattr(fidelity, "timed_visits", timed)
    tables = fidelity.run(parts=(Part.VERDICTS, Part.NEIGHBOR), repeats=2, visits=3, simulations=2)
    assert [table.rows[0][1] for table in (tables[0], tables[2])] == [2, 3]
    assert len(tables) == 3


def test_saved_inputs_are_in_the_order_of_the_model(tmp_path: Path) -> None:
    save(tmp_path, b"file", {"z": np.ones(2), "a": np.zeros(3)})
    with np.load(tmp_path / "inputs.npz") as found:
        assert list(found) == ["z", "a"]
    assert (tmp_path / "model.onnx").read_bytes() == b"file"
