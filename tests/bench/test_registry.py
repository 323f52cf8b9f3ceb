"""The benchmarks' registry and its command."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest

from bench.__main__ import main, render
from bench.registry import BENCHMARKS, Benchmark, Table, Target

TABLE = Table(
    title="Time of an operation",
    columns=("operation", "median ms", "count", "flat"),
    rows=(("compare", 1.23456789, 100, True), ("record everything", 12.5, 7, None)),
    notes=("two cores",),
    targets=(Target("at most 2 ms: 1.23 ms", met=True), Target("at most 1 ms: 1.23 ms", met=False)),
)


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Benchmark]:
    module = ModuleType("bench.fake")
    module.__dict__["run"] = lambda: [TABLE]
    monkeypatch.setitem(sys.modules, "bench.fake", module)
    return {"fake": Benchmark("bench.fake", "a fake")}


def test_a_table_is_aligned() -> None:
    assert render(TABLE).splitlines() == [
        "Time of an operation",
        "",
        "operation          median ms  count  flat",
        "-----------------  ---------  -----  ----",
        "compare                1.235    100  yes",
        "record everything       12.5      7  -",
        "* two cores",
        "target met: at most 2 ms: 1.23 ms",
        "target MISSED: at most 1 ms: 1.23 ms",
    ]


def test_an_empty_table_has_its_head() -> None:
    assert "a  b" in render(Table("none", ("a", "b"), ()))


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="T: got a row of 1 cells, expected 2"):
        Table("T", ("a", "b"), (("x",),))


def test_running_prints_and_writes(
    benchmarks: dict[str, Benchmark], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / "fake.json"
    assert main(["fake", "--json", str(path)], benchmarks) == 0
    assert render(TABLE) in capsys.readouterr().out
    record = json.loads(path.read_text())
    assert record["benchmark"] == "fake"
    assert datetime.now(UTC) - datetime.fromisoformat(record["date"]) < timedelta(minutes=1)
    assert record["machine"]["versions"]["python"] == sys.version.split()[0]
    assert record["tables"][0]["rows"][0] == ["compare", 1.23456789, 100, True]
    assert record["tables"][0]["targets"][1] == {"text": "at most 1 ms: 1.23 ms", "met": False}


def test_options_reach_a_benchmark_that_has_some(benchmarks: dict[str, Benchmark], tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def run_with(arguments: list[str]) -> list[Table]:
        asked.append(arguments)
        return [TABLE]

    sys.modules["bench.fake"].__dict__["run_with"] = run_with
    command = ["fake", "--models", "mlp", "cnn", "--json", str(tmp_path / "fake.json"), "--repeats", "3"]
    assert main(command, benchmarks) == 0
    assert main(["fake", "--help", "--json", str(tmp_path / "fake.json")], benchmarks) == 0
    assert asked == [["--models", "mlp", "cnn", "--repeats", "3"], ["--help"]]


def test_options_for_a_benchmark_that_has_none_are_refused_in_one_line(
    benchmarks: dict[str, Benchmark], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fake", "--repeats", "3"], benchmarks) == 2
    message = "bench: got --repeats 3, expected no more: this benchmark has no options\n"
    assert capsys.readouterr().err == message


def test_help_alone_is_that_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "--list" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["fidelity", "engines", "jobs"])
def test_these_have_help_of_their_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"python -m bench {name}" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "came"), [(["nothing"], "'nothing'"), ([], "no name")])
def test_an_unknown_name_gives_one_line_with_the_names(
    arguments: list[str], came: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"bench: got {came}, expected one of: {', '.join(BENCHMARKS)}\n"


def test_the_list_imports_no_benchmark(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for benchmark in BENCHMARKS.values():
        monkeypatch.setitem(sys.modules, benchmark.module, None)  # importing it would now fail
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{name}: {benchmark.description}" for name, benchmark in BENCHMARKS.items()
    ]
