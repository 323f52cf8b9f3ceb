"""The scripts are run away from this app: in folders of their own, with nothing of it on their path."""

import ast
import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import zoo
from core.benchmark.plan import BenchmarkPlan, Method
from core.benchmark.program import program
from core.benchmark.program.engines import REPEATED
from core.benchmark.rounds import BenchmarkError, Round, orders
from core.benchmark.statistics import ratio
from core.benchmark.verdict import LEAST_ROUNDS, Floor, Verdict, judge
from core.engines.engine import EngineKind, EngineOptions, Optimization, Spin
from core.export.parity import deviation
from core.zoo import ZooError

QUICK = ["--seconds", "0", "--block-seconds", "0.002", "--warm-seconds", "0.01", "--most-foreign", "1"]
# It imports the script as a module, and asks its functions.
ASK = """
import json, runpy, sys
import numpy as np
found = runpy.run_path(sys.argv[1])
given = json.load(sys.stdin)
ratios = [[found["ratio"](rounds, name, "one") for name in ("two", "twin")] for rounds in given["rounds"]]
pairs = [[[np.array(each, "f4") for each in side] for side in pair] for pair in given["pairs"]]
foreign = [found["foreign"](before, after) for before, after in given["ticks"]]
state = {}
for name, (make, inputs, _) in found["MODELS"].items():
    args, kwargs = inputs(3)
    model = make()
    numbers = [*model.state_dict().values(), *args, *kwargs.values(), *found["flat"](model(*args, **kwargs))]
    state[name] = [not model.training, [float(np.asarray(each).astype("f8").sum()) for each in map(
        lambda each: each.detach() if hasattr(each, "detach") else each, numbers)]]
print(json.dumps({
    "ratios": ratios,
    "floors": [found["noise_floor"](twin) for _, twin in ratios],
    "verdicts": [found["verdict"](one, twin) for one, twin in ratios],
    "orders": [found["orders"](list(names), 40) for names in given["names"]],
    "parity": [found["parity"](*pair) for pair in pairs],
    "foreign": foreign,
    "state": state,
    "core": [name for name in sys.modules if name.partition(".")[0] in ("core", "streamlit")],
}))
"""


def clean() -> dict[str, str]:
    """The environment without what would let a script find this app."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def run(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(text, encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-I", "script.py", *arguments], cwd=folder, env=clean(), capture_output=True,
        text=True, check=False, timeout=240,
    )  # fmt: skip


def ask(folder: Path, text: str, question: dict[str, Any]) -> dict[str, Any]:
    (folder / "script.py").write_text(text, encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, "-I", "-c", ASK, "script.py"], cwd=folder, env=clean(), capture_output=True,
        text=True, check=False, timeout=120, input=json.dumps(question),
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end
        time.sleep(0.05)


def made_rounds(seed: int, count: int, factor: float, noise: float) -> list[dict[str, float]]:
    chance = random.Random(seed)  # noqa: S311 - numbers to try, no secret
    return [
        {
            "one": 1e-3 * math.exp(chance.gauss(0, noise)),
            "twin": 1e-3 * math.exp(chance.gauss(0, noise)),
            "two": 1e-3 / factor * math.exp(chance.gauss(0, noise)),
        }
        for _ in range(count)
    ]


ROUNDS = [
    made_rounds(seed, count, factor, noise)
    for seed, (count, factor, noise) in enumerate([
        (40, 1.0, 0.02), (40, 2.0, 0.05), (41, 0.5, 0.05), (200, 1.015, 0.01), (19, 3.0, 0.001),
        (20, 3.0, 0.01), (60, 1.2, 0.2),
    ])
]  # fmt: skip
PAIRS: list[Any] = [
    [[[1.0, 2.0]], [[1.0, 2.0]]],
    [[[1.0, 1e5]], [[1.00001, 1e5 + 1]]],
    [[[1.0, 2.0], [[3.0]]], [[1.0, 2.0], [[3.5]]]],
    [[[math.nan, math.inf, -math.inf]], [[math.nan, math.inf, -math.inf]]],
    [[[math.inf]], [[1.0]]],
    [[[math.nan]], [[1.0]]],
]
TICKS: list[Any] = [
    # Seconds, processors, ticks of all, and of each of ours.
    [[0.0, 2, 100, [10, 20]], [10.0, 2, 1100, [510, 520]]],
    [[0.0, 2, 100, [10, 20]], [10.0, 2, 2100, [510, 520]]],
    [None, [10.0, 2, 2100, [510, 520]]],
    [[0.0, 2, 0, [0]], [10.0, 2, 0, [0]]],
]


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    plan = BenchmarkPlan(
        models=tuple(zoo.names()), engines=(EngineKind.EAGER,), seed=7, method=Method(seed=3)
    )
    question = {"rounds": ROUNDS, "pairs": PAIRS, "ticks": TICKS, "names": ["abc", "ab", "a"]}
    return ask(tmp_path_factory.mktemp("asked"), program(plan), question)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a script says that measured two models on every engine that needs no compiler and no device."""
    kinds = (EngineKind.EAGER, EngineKind.ORT, EngineKind.ORT_CUDA)
    plan = BenchmarkPlan(models=("mlp", "dict_output"), engines=kinds, batches=(3,))
    finished = run(tmp_path_factory.mktemp("ran"), program(plan), *QUICK, "--rounds", "20", "--json")
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    found: dict[str, Any] = json.loads(finished.stdout)
    return found


# What a script measures.


def test_a_script_measures_every_model_and_batch(printed: dict[str, Any]) -> None:
    cases = [(each["model"], each["batch"], each["threads"]) for each in printed["results"]]
    assert cases == [("mlp", 3, 1), ("dict_output", 3, 1)]
    for result in printed["results"]:
        assert result["baseline"] == "eager"
        assert list(result["engines"]) == ["eager", "ort"]
        assert len(result["rounds"]) >= 20
        for each in result["rounds"]:
            assert set(each["seconds"]) == {"eager", "eager, again", "ort"}
            assert min(each["seconds"].values()) > 0
        for engine in result["engines"].values():
            assert engine["median_seconds"] > 0
            assert engine["first_call_seconds"] > 0
            assert engine["load_seconds"] > 0


def test_parity_stands_beside_the_speed(printed: dict[str, Any]) -> None:
    for result in printed["results"]:
        assert 0 <= result["engines"]["ort"]["largest_difference"] < 1e-5
        assert result["engines"]["ort"]["agree"] is True
        assert "agree" not in result["engines"]["eager"]


def test_its_verdict_is_the_one_of_this_app(printed: dict[str, Any]) -> None:
    for result in printed["results"]:
        rounds = [
            Round(number, each["seconds"], dict.fromkeys(each["seconds"], 1), rejected=each["rejected"])
            for number, each in enumerate(result["rounds"])
        ]
        floor = Floor((ratio(rounds, "eager, again", "eager"),))
        expected = judge(ratio(rounds, "ort", "eager"), floor)
        ort = result["engines"]["ort"]
        assert math.isclose(ort["ratio"], expected.ratio.value)
        assert ort["rounds"] == expected.ratio.rounds
        assert ort["low"] <= ort["ratio"] <= ort["high"]
        assert ort["verdict"] in set(Verdict)
        assert result["noise_floor"] == pytest.approx(floor.share, abs=0.5 * floor.share)
        medians = {name: np.median([each.seconds[name] for each in rounds if not each.rejected]) for name in
                   ("eager", "ort")}  # fmt: skip
        for name, median in medians.items():
            assert math.isclose(result["engines"][name]["median_seconds"], median)


def test_what_it_cannot_repeat_is_said(printed: dict[str, Any]) -> None:
    assert printed["not_repeated"] == {"ort-cuda": "this script measures the processor"}


def test_engines_of_every_family_are_measured(tmp_path: Path) -> None:
    # One takes minutes to compile, and the other two are like those that are here.
    left_out = {EngineKind.COMPILED, EngineKind.FLOAT16, EngineKind.ORT}
    kinds = [kind for kind in REPEATED if kind not in left_out]
    plan = BenchmarkPlan(models=("cnn",), engines=tuple(kinds), batches=(2,))
    finished = run(tmp_path, program(plan), *QUICK, "--rounds", "2", "--json")
    assert finished.returncode == 0, finished.stderr
    (result,) = json.loads(finished.stdout)["results"]
    assert [name for name, each in result["engines"].items() if "problem" in each] == []
    assert list(result["engines"]) == [kind.value for kind in kinds]
    # Too few rounds for a verdict.
    assert {each.get("verdict") for each in result["engines"].values()} == {None, "cannot tell here"}
    assert result["engines"]["eager-grad"]["largest_difference"] == 0
    differences = {name: each.get("largest_difference", 0) for name, each in result["engines"].items()}
    assert 0 < differences["ort-int8-dynamic"] < 0.5
    assert 0 < differences["ort-int8-static"] < 0.5
    assert 0 < differences["eager-bfloat16"] < 0.1


def test_a_model_that_cannot_be_exported_still_runs_in_pytorch(tmp_path: Path) -> None:
    plan = BenchmarkPlan(
        models=("early_exit",),
        engines=(EngineKind.EAGER, EngineKind.ORT),
        batches=(1, 2),
    )
    finished = run(tmp_path, program(plan), *QUICK, "--rounds", "3")
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr.startswith("early_exit cannot be exported: ")
    assert "not measured: the model could not be exported" in finished.stdout
    assert "early_exit, batch 1, 1 thread\n" in finished.stdout
    assert "early_exit, batch 2, 1 thread\n" in finished.stdout
    assert "3 rounds count, 0 do not" in finished.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a stopped process with its parent")
def test_a_script_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(program(BenchmarkPlan(engines=(EngineKind.EAGER,))), encoding="utf-8")
    script = subprocess.Popen(
        [sys.executable, "-I", "script.py", "--seconds", "600"], cwd=tmp_path, env=clean()
    )
    try:
        workers = psutil.Process(script.pid)
        # One of the two stands still while the other is timed.
        wait(lambda: psutil.STATUS_STOPPED in {each.status() for each in workers.children()})
        wait(lambda: len(workers.children()) == 3)  # with Python's own resource tracker
        children = workers.children()
    finally:
        script.kill()
        script.wait()
    wait(lambda: not any(each.is_running() and each.status() != "zombie" for each in children))


# Its functions, beside this app's.


def test_the_ratio_is_that_of_this_app(answered: dict[str, Any]) -> None:
    for found, rounds in zip(answered["ratios"], ROUNDS, strict=True):
        kept = [Round(number, each, dict.fromkeys(each, 1)) for number, each in enumerate(rounds)]
        for (value, low, high, count), engine in zip(found, ("two", "twin"), strict=True):
            expected = ratio(kept, engine, "one")
            assert math.isclose(value, expected.value)
            assert count == expected.rounds
            # Two bootstraps with other draws: they differ by a small part of the interval.
            width = math.log(expected.high / expected.low)
            assert abs(math.log(low / expected.low)) < 0.15 * width
            assert abs(math.log(high / expected.high)) < 0.15 * width


def test_verdicts_and_floors_are_those_of_this_app(answered: dict[str, Any]) -> None:
    expected = []
    for rounds, floor in zip(ROUNDS, answered["floors"], strict=True):
        kept = [Round(number, each, dict.fromkeys(each, 1)) for number, each in enumerate(rounds)]
        judgement = judge(ratio(kept, "two", "one"), Floor((ratio(kept, "twin", "one"),)))
        expected.append(judgement.verdict.value)
        assert floor == pytest.approx(judgement.floor.share, rel=0.2, abs=1e-3)
    assert answered["verdicts"] == expected
    assert expected == [
        "cannot tell here", "faster", "slower", "cannot tell here", "cannot tell here", "faster",
        "cannot tell here",
    ]  # fmt: skip
    assert len(ROUNDS[4]) == LEAST_ROUNDS - 1


def test_the_orders_are_those_of_this_app(answered: dict[str, Any]) -> None:
    for found, names in zip(answered["orders"], ("abc", "ab", "a"), strict=True):
        assert [tuple(each) for each in found] == list(orders(list(names), 40, 3))


def test_parity_is_that_of_this_app(answered: dict[str, Any]) -> None:
    for (largest, agree), pair in zip(answered["parity"], PAIRS, strict=True):
        found = [
            deviation(np.array(one, np.float32), np.array(two, np.float32))
            for one, two in zip(*pair, strict=True)
        ]
        expected = max((each.absolute for each in found), key=lambda each: (math.isnan(each), each))
        assert largest == expected or (math.isnan(largest) and math.isnan(expected))
        assert agree == all(each.agree for each in found)


def test_what_others_use_is_what_ours_leave_less_rounding(answered: dict[str, Any]) -> None:
    quiet, busy, *unknown = answered["foreign"]
    # Ours used 1,000 of the 2,000 ticks of ten seconds on two processors.
    ticks = os.sysconf("SC_CLK_TCK")
    rounding = 2 * math.sqrt((2 + 2 + 2 * 2) / 6)
    assert quiet == pytest.approx(-rounding / (20 * ticks))
    assert busy == pytest.approx((1000 - rounding) / (20 * ticks))
    assert unknown == [None, None]


def test_models_and_inputs_are_the_very_same(answered: dict[str, Any]) -> None:
    assert list(answered["state"]) == zoo.names()
    for name, (evaluates, sums) in answered["state"].items():
        made = zoo.build(name, 7)
        inputs = made.example_inputs(3, zoo.InputKind.NORMAL, 7)
        numbers = [*made.module.state_dict().values(), *inputs]
        assert evaluates
        assert sums[: len(numbers)] == pytest.approx(
            [float(each.double().sum()) for each in numbers], abs=1e-9
        )
        assert len(sums) > len(numbers)
    assert answered["core"] == []


# Its text.


@pytest.mark.parametrize("name", zoo.names())
def test_every_model_has_a_script_that_compiles(name: str) -> None:
    plan = BenchmarkPlan(models=(name,), engines=tuple(EngineKind))
    text = program(plan)
    ast.parse(text)
    assert "«" not in text
    assert not any("core" in line.split() for line in text.splitlines() if "import" in line)
    assert max(map(len, text.splitlines())) <= 110


def test_the_head_says_what_to_install_and_what_is_missing() -> None:
    text = program(BenchmarkPlan(engines=(EngineKind.EAGER, EngineKind.ORT, EngineKind.ORT_CUDA)))
    head = ast.get_docstring(ast.parse(text))
    assert head is not None
    for package in ("torch", "numpy", "onnx", "onnxscript", "onnxruntime"):
        assert f" {package}==" in head
    assert "+cpu" not in head
    assert "Not repeated here, as this script measures the processor: ort-cuda." in head
    without = program(BenchmarkPlan(engines=(EngineKind.EAGER, EngineKind.EAGER_GRAD)))
    assert "onnxruntime" not in without
    assert "Not repeated" not in without


def test_the_settings_of_a_plan_are_in_its_script() -> None:
    method = Method(block_seconds=0.125, least_rounds=33, least_seconds=4.5, warm_seconds=0.75, seed=11)
    options = EngineOptions(optimization=Optimization.BASIC, spin=Spin.OFF)
    plan = BenchmarkPlan(
        models=("mlp",), engines=(EngineKind.EAGER, EngineKind.ORT), batches=(2, 5), threads=(1, 2),
        options=options, seed=9, method=method,
    )  # fmt: skip
    text = program(plan)
    for part in ('"--block-seconds", 0.125', '"--rounds", 33', '"--seconds", 4.5', '"--warm-seconds", 0.75',
                 "random.Random(11)", "BATCHES = [2, 5]", "THREADS = [1, 2]", "torch.manual_seed(9)",
                 "ORT_ENABLE_BASIC", '"session.intra_op.allow_spinning", "0"'):  # fmt: skip
        assert part in text
    assert "allow_spinning" not in program(replace(plan, options=EngineOptions()))


@given(
    st.lists(st.sampled_from(zoo.names()), min_size=1, max_size=4),
    st.lists(st.sampled_from(list(REPEATED)), min_size=1, max_size=4, unique=True),
    st.integers(0, 2**63 - 1),
)
@settings(max_examples=15, deadline=None)
def test_any_plan_gives_a_script_that_compiles(models: list[str], kinds: list[EngineKind], seed: int) -> None:
    plan = BenchmarkPlan(models=tuple(models), engines=tuple(kinds), seed=seed)
    tree = ast.parse(program(plan))
    names = [each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.ClassDef)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"models": ()}, BenchmarkError, "The plan is empty"),
        ({"engines": ()}, BenchmarkError, "The plan is empty"),
        ({"engines": (EngineKind.ORT_CUDA,)}, BenchmarkError, "A script cannot repeat ort-cuda"),
        ({"models": ("nothing",)}, ZooError, "There is no model"),
        ({"batches": (0,)}, ZooError, "The batch is 0"),
    ],
)
def test_a_plan_that_no_script_can_repeat_is_refused(
    changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        program(replace(BenchmarkPlan(), **changes))
